"""What people and machines read after an audit, made from one `Audit` value; nothing here looks at a network."""

from auditor.report.numbers import status
from auditor.report.page import render_html
from auditor.report.reading import read_document
from auditor.report.schema import audit_schema, observation_schema
from auditor.report.sentence import headline
from auditor.report.spreadsheet import plan_csv
from auditor.report.summary import summary_text
from auditor.report.writing import document, dump, dump_json

__all__ = [
    "audit_schema", "document", "dump", "dump_json", "headline", "observation_schema", "plan_csv", "read_document",
    "render_html", "status", "summary_text",
]  # fmt: skip
