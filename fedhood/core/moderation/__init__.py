"""Complaints, hiding and showing, and the log of both."""

from fedhood.core.moderation.model import (
    Reason,
    Report,
    ReportClosed,
    ReportFiled,
    ReportState,
)
from fedhood.core.moderation.service import (
    close,
    flagged,
    get,
    hide,
    open_reports,
    report,
    report_row,
    report_talk,
    restore,
    told_of,
)

__all__ = [
    "Reason",
    "Report",
    "ReportClosed",
    "ReportFiled",
    "ReportState",
    "close",
    "flagged",
    "get",
    "hide",
    "open_reports",
    "report",
    "report_row",
    "report_talk",
    "restore",
    "told_of",
]
