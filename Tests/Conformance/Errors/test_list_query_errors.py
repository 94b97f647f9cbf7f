"""What lists and counts say of a query that cannot be understood, each flaw in its own words."""

from __future__ import annotations

import pytest

from Support.raw import RawClient
from Support.refusals import Refusal, invalid

RPCS = (
    "ListWorkflowExecutions", "CountWorkflowExecutions", "ListActivityExecutions",
    "CountActivityExecutions")
NO_CLAUSE = "operation is not supported: '{}' clause$"
UNORDERED = "operator '{}' not supported for {} type search attribute '{}'$"
# The flaw, a query that has it, and the end of what is said of it.
QUERIES = [
    ("unknown name", "NoSuchField = 1", "column name 'NoSuchField' is not a valid search attribute$"),
    ("word without quotes", "TaskQueue = unquoted",
     r"column name on the right side of comparison expression "
     r"\(did you forget to quote ['\"]unquoted['\"]\?\)$"),
    ("like", "TaskQueue LIKE 'a%'", "operator 'like' not supported in expression$"),
    ("order of truths", "CustomBoolField > true", UNORDERED.format(">", "Bool", "CustomBoolField")),
    ("order of texts", "CustomTextField <= 'a'",
     UNORDERED.format("<=", "Text", "CustomTextField")),
    ("order of statuses", "ExecutionStatus < 'Running'",
     UNORDERED.format("<", "Keyword", "ExecutionStatus")),
    ("range of keyword lists", "CustomKeywordListField BETWEEN 'a' AND 'b'",
     UNORDERED.format("between", "KeywordList", "CustomKeywordListField")),
    ("beginning of a number", "CustomIntField STARTS_WITH 'a'",
     UNORDERED.format("starts_with", "Int", "CustomIntField")),
    ("word for a number", "CustomIntField = 'words'",
     "invalid value for search attribute CustomIntField of type Int: .*words"),
    ("word for a truth", "CustomBoolField = 'words'",
     "invalid value for search attribute CustomBoolField of type Bool: .*words"),
    ("word for a time", "StartTime > 'yesterday'",
     "invalid value for search attribute StartTime.*yesterday"),
    ("unknown status", "ExecutionStatus = 'Sleeping'",
     "invalid value for search attribute ExecutionStatus.*Sleeping"),
    ("order by", "TaskQueue = 'a' ORDER BY StartTime", NO_CLAUSE.format("ORDER BY")),
    ("limit", "TaskQueue = 'a' LIMIT 1", NO_CLAUSE.format("LIMIT")),
    ("having", "TaskQueue = 'a' HAVING 1", NO_CLAUSE.format("HAVING")),
    ("open quote", "TaskQueue = 'open", "a quote is not closed$"),
    ("open parenthesis", "(TaskQueue = 'a'", "syntax error at the end$"),
    ("too many words", "TaskQueue = 'a' nonsense", "syntax error near 'nonsense'$"),
    ("character of no meaning", "TaskQueue = #", r"syntax error at position \d+$"),
    ("lonely exclamation mark", "TaskQueue ! 'a'", r"syntax error at position \d+$"),
    ("no finite number", "CustomDoubleField = 1e999", "1e999 is not a number$"),
    ("two parts of a number", "CustomDoubleField = 1.2.3", r"1\.2\.3 is not a number$"),
    ("deep nesting", "(" * 60 + "TaskQueue = 'a'" + ")" * 60, "nested too deeply$"),
    ("many conditions", " AND ".join(["TaskQueue = 'a'"] * 501), "more than 500 conditions$"),
    ("long list", f"TaskQueue IN ({', '.join(['1'] * 1001)})", "more than 1000 values in a list$"),
    ("null of nothing", "TaskQueue IS 1", "syntax error near '1'$"),
]
GROUPS = [
    ("two groups", "GROUP BY ExecutionStatus, TaskQueue",
     "operation is not supported: 'GROUP BY' clause supports only a single field$"),
    ("group by something else", "GROUP BY TaskQueue",
     "operation is not supported: 'GROUP BY' clause is only supported for ExecutionStatus$"),
]


TABLE: list[Refusal] = [
    *[invalid(rpc, name, {"query": query}, f"^invalid query: .*{text}")
      for rpc in RPCS for name, query, text in QUERIES],
    *[invalid(rpc, name, {"query": query}, f"^invalid query: {text}")
      for rpc in RPCS if rpc.startswith("Count") for name, query, text in GROUPS],
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())
