"""What a user may know of: one condition, which stands in every query that their request can reach (SAFETY §7)."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Boolean, Text, and_, cast, exists, func, or_
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from handoff.core.case import FOCAL_IF_THERE_IS_ONE, FOCAL_ONLY
from handoff.core.staff import SUPERVISING
from handoff.store.case_tables import Case
from handoff.store.directory_tables import Complaint, DirectoryOrganization
from handoff.store.staff_tables import Membership, Organisation, Staff

OWN = aliased(Membership, name="own")
FOCAL, FOCAL_STAFF = aliased(Membership, name="focal"), aliased(Staff, name="focal_staff")
OWNER = func.coalesce(Case.owner, "")
OWNERS = cast(array([Case.owner, Case.joint]), ARRAY(Text))


def visible_to(user_id: uuid.UUID) -> ColumnElement[bool]:
    """The cases of this user's organisations that their role there opens, and no others; none in which an organisation
    of theirs is implicated.

    A case of a focal point's concern is its focal points' alone, also among supervisors. Where an organisation has
    none, its supervisors stand in: never nobody.
    """
    role = or_(
        ~or_(OWNER.in_(FOCAL_ONLY), and_(OWNER.in_(FOCAL_IF_THERE_IS_ONE), has_focal_point())),
        _is_focal(OWN, OWNERS),
        and_(OWN.role.in_(sorted(SUPERVISING)), ~has_focal_point()),
    )
    member = exists().where(OWN.staff_id == user_id, OWN.organisation_id == Case.organisation_id, role)
    return and_(member.correlate(Case), ~_implicated(user_id))


def lacks_focal_point() -> ColumnElement[bool]:
    """Supervisors stand in for a focal point that the case's organisation does not have."""
    return and_(OWNER.in_(FOCAL_ONLY), ~has_focal_point())


def has_focal_point() -> ColumnElement[bool]:
    """Somebody of the case's organisation is the focal point of its owner, works, and may know of the case."""
    return (
        exists()
        .where(FOCAL.organisation_id == Case.organisation_id, FOCAL.focal.op("?", return_type=Boolean())(OWNER))
        .where(FOCAL_STAFF.id == FOCAL.staff_id, FOCAL_STAFF.active, ~_implicated(FOCAL.staff_id))
        .correlate(Case)
    )


def _is_focal(membership: Any, owners: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = membership.focal.op("?|", is_comparison=True, return_type=Boolean())(owners)
    return found


def _implicated(staff_id: Any) -> ColumnElement[bool]:
    """An organisation of this member of staff may not know of the case: excluded, or complained of."""
    membership, theirs = aliased(Membership), aliased(Organisation)
    belongs = and_(membership.staff_id == staff_id, theirs.id == membership.organisation_id)
    excluded = exists().where(belongs, Case.excluded.op("?", return_type=Boolean())(theirs.slug))
    complained = exists().where(
        belongs,
        Complaint.case_id == Case.id,
        Complaint.coi_orgs.has_key(DirectoryOrganization.id),
        theirs.slug == DirectoryOrganization.desk_slug,
    )
    return or_(excluded.correlate(Case, FOCAL), complained.correlate(Case, FOCAL))


def waits_for(user_id: uuid.UUID) -> ColumnElement[bool]:
    """That the case waits is known to this user as a supervisor or focal point of its backup organisation: that it
    waits, and nothing else (SAFETY §6)."""
    may = or_(_is_focal(OWN, OWNERS), and_(OWN.role.in_(sorted(SUPERVISING)), OWNER != "psea"))
    member = exists().where(OWN.staff_id == user_id, OWN.organisation_id == Case.backup_id, may)
    return and_(member.correlate(Case), ~_implicated(user_id))
