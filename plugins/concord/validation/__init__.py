"""Great Expectations suites as the declared truth, run as one DuckDB pass.

`suites` reads and merges suites, `compiler` turns one into SQL for a table's columns,
`running` runs it over a relation, `results` says what came of it without any value.
"""
