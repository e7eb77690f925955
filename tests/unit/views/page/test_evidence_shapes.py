"""The candidates of a page have all that a `RunView` says of them."""

from __future__ import annotations

from atlas_mcp.views.page.evidence_shapes import PageCandidate, PageRemark
from atlas_mcp.views.run_view import CandidateView, RemarkView


def test_a_candidate_has_all_fields_of_its_view() -> None:
    assert CandidateView.model_fields.keys() <= PageCandidate.model_fields.keys()


def test_a_remark_has_all_fields_of_its_view() -> None:
    assert RemarkView.model_fields.keys() <= PageRemark.model_fields.keys()
