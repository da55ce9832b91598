"""Who answers: where the source of a candidate comes from."""
