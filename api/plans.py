"""From plans to the answers of dry runs."""

from collections.abc import Sequence

from api.overviews import PRIORITIES
from api.schemas_plans import CleanupPlanOut, LoadPlanOut, StandingOut
from api.units import iso, mb, now
from models.views.model import StandingView
from models.views.operations import CleanupPlan, LoadPlan


def load(plan: LoadPlan) -> LoadPlanOut:
    return LoadPlanOut.model_validate(
        {
            "message": f"Nothing was done; a load of model {plan.name} would be: {plan.decision}",
            "model_name": plan.name,
            "dry_run": True,
            "decision": plan.decision,
            "reason": plan.reason,
            "needed_mb": mb(plan.needed),
            "budget_mb": mb(plan.budget),
            "tracked_mb": mb(plan.charged),
            "victims": _standings(plan.victims),
            "blockers": _standings(plan.blockers),
            "others": _standings(plan.others),
            "timestamp": now(),
        }
    )


def cleanup(plan: CleanupPlan) -> CleanupPlanOut:
    return CleanupPlanOut.model_validate(
        {
            "message": "Nothing was done; this is what a cleanup would do",
            "dry_run": True,
            "cleanup_reason": plan.reason,
            "memory_to_free_mb": mb(plan.freed),
            "expired": _standings(plan.expired),
            "evicted": _standings(plan.evicted),
            "others": _standings(plan.others),
            "timestamp": now(),
        }
    )


def _standings(views: Sequence[StandingView]) -> list[StandingOut]:
    return [_standing(view) for view in views]


def _standing(view: StandingView) -> StandingOut:
    return StandingOut.model_validate(
        {
            "model": view.name,
            "rank": view.place,
            "class": PRIORITIES[view.priority],
            "class_fixed": view.fixed,
            "score": view.score,
            "memory_mb": mb(view.footprint),
            "charged_mb": mb(view.charged),
            "last_used": iso(view.last_used),
            "held_by": view.held_by,
        }
    )
