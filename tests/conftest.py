"""What lies beside the tests and is none."""

# Upstream's layout has a task whose file's name ends as a test's does.
collect_ignore = ["data"]
