"""From views to the answers of the routes about versions."""

from dataclasses import asdict

from api.overviews import quarantine
from api.schemas_compiled import ParityOut
from api.schemas_versions import AliasOut, SetbackOut, VersionOut, VersionsOut
from api.units import iso, mb, now
from models.views.version import AliasReport, VersionsView, VersionView


def versions(view: VersionsView) -> VersionsOut:
    return VersionsOut(
        model_name=view.name,
        current=view.current,
        aliases=dict(view.aliases),
        versions=[_version(each) for each in view.versions],
        timestamp=now(),
    )


def alias(report: AliasReport) -> AliasOut:
    named = f"names {report.version}" if report.version is not None else "is not set"
    return AliasOut.model_validate(
        {
            "message": f"Alias {report.alias} of model {report.name} {named}",
            "model_name": report.name,
            "alias": report.alias,
            "version": report.version,
            "previous_version": report.previous,
            "current": report.current,
            "swap": report.swap,
            "error": report.error,
            "timestamp": now(),
        }
    )


def _version(view: VersionView) -> VersionOut:
    setback = view.setback
    return VersionOut.model_validate(
        {
            "version": view.version,
            "created_at": iso(view.created_at),
            "engine": view.engine,
            "precision": view.precision,
            "size_mb": mb(view.size),
            "aliases": list(view.aliases),
            "current": view.current,
            "state": view.state,
            "registered": view.registered,
            "source": view.source,
            "origin": view.origin,
            "parity": None if view.parity is None else ParityOut(**asdict(view.parity)),
            "swap_failure": None
            if setback is None
            else SetbackOut(error=setback.error, at=iso(setback.at), held=setback.held),
            "quarantine": None if view.quarantine is None else quarantine(view.quarantine),
        }
    )
