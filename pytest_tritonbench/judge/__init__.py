"""Whether it is right: the oracle, the comparison rule, and the lint that refuses vacuous tasks."""
