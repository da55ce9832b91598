"""Metrics: what a set of records says about models and suites; torch-free."""

from pytest_tritonbench.report.metrics.measure import metrics
from pytest_tritonbench.report.metrics.result import Group, ModelReport, Report, SuiteReport

__all__ = ["Group", "ModelReport", "Report", "SuiteReport", "metrics"]
