"""Places, the service directory, its worklist, and complaints about services"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "directory_locations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("location_type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("alternate_name", sa.Text(), nullable=True),
        sa.Column("place_code", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "location_type in ('physical', 'postal', 'virtual', 'redacted')",
            name=op.f("ck_directory_locations_location_type"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_locations")),
    )
    op.create_table(
        "directory_organizations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("alternate_name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("legal_status", sa.Text(), nullable=True),
        sa.Column("uri", sa.Text(), nullable=True),
        sa.Column("desk_slug", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_organizations")),
    )
    op.create_table(
        "places",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("parent_code", sa.Text(), nullable=True),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("spellings", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("level between 0 and 2", name=op.f("ck_places_level")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_places")),
    )
    op.create_table(
        "directory_reports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service_ids", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=True),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.UUID(), nullable=True),
        sa.ForeignKeyConstraint(["done_by"], ["staff.id"], name=op.f("fk_directory_reports_done_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_reports")),
    )
    op.create_table(
        "directory_services",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("alternate_name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("application_process", sa.Text(), nullable=True),
        sa.Column("fees_description", sa.Text(), nullable=True),
        sa.Column("eligibility_description", sa.Text(), nullable=True),
        sa.Column("minimum_age", sa.Integer(), nullable=True),
        sa.Column("maximum_age", sa.Integer(), nullable=True),
        sa.Column("assured_date", sa.Date(), nullable=True),
        sa.Column("assurer_email", sa.Text(), nullable=True),
        sa.Column("alert", sa.Text(), nullable=True),
        sa.Column("needs", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("gender_served", sa.Text(), server_default="any", nullable=False),
        sa.Column("serves_irregular_status", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("le_link", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("psea_independent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("hours_24_7", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("free", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("redacted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("place_codes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint(
            "gender_served in ('any', 'women', 'men')", name=op.f("ck_directory_services_gender_served")
        ),
        sa.CheckConstraint(
            "status in ('active', 'inactive', 'defunct', 'temporarily closed')",
            name=op.f("ck_directory_services_status"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["directory_organizations.id"], name=op.f("fk_directory_services_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_services")),
    )
    op.create_index(
        "ix_directory_services_needs", "directory_services", ["needs"], unique=False, postgresql_using="gin"
    )
    op.create_index(
        op.f("ix_directory_services_organization_id"), "directory_services", ["organization_id"], unique=False
    )
    op.create_index(
        "ix_directory_services_place_codes", "directory_services", ["place_codes"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "directory_service_areas",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("extent", sa.Text(), nullable=True),
        sa.Column("extent_type", sa.Text(), nullable=True),
        sa.Column("uri", sa.Text(), nullable=True),
        sa.Column("place_code", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_id"], ["directory_services.id"], name=op.f("fk_directory_service_areas_service_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_service_areas")),
    )
    op.create_index(
        op.f("ix_directory_service_areas_service_id"), "directory_service_areas", ["service_id"], unique=False
    )
    op.create_table(
        "directory_service_at_locations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["location_id"], ["directory_locations.id"], name=op.f("fk_directory_service_at_locations_location_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["directory_services.id"], name=op.f("fk_directory_service_at_locations_service_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_service_at_locations")),
    )
    op.create_index(
        op.f("ix_directory_service_at_locations_location_id"),
        "directory_service_at_locations",
        ["location_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_directory_service_at_locations_service_id"),
        "directory_service_at_locations",
        ["service_id"],
        unique=False,
    )
    op.create_table(
        "directory_phones",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=True),
        sa.Column("location_id", sa.Text(), nullable=True),
        sa.Column("organization_id", sa.Text(), nullable=True),
        sa.Column("service_at_location_id", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("extension", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("verified_by_1", sa.UUID(), nullable=True),
        sa.Column("verified_at_1", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_by_2", sa.UUID(), nullable=True),
        sa.Column("verified_at_2", sa.DateTime(timezone=True), nullable=True),
        sa.Column("call_back_note", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "verified_by_1 IS NULL OR call_back_note <> ''", name=op.f("ck_directory_phones_with_a_note")
        ),
        sa.CheckConstraint("verified_by_1 <> verified_by_2", name=op.f("ck_directory_phones_two_people")),
        sa.CheckConstraint(
            "verified_by_2 IS NULL OR verified_by_1 IS NOT NULL", name=op.f("ck_directory_phones_first_then_second")
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["directory_locations.id"], name=op.f("fk_directory_phones_location_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["directory_organizations.id"], name=op.f("fk_directory_phones_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_at_location_id"],
            ["directory_service_at_locations.id"],
            name=op.f("fk_directory_phones_service_at_location_id"),
        ),
        sa.ForeignKeyConstraint(["service_id"], ["directory_services.id"], name=op.f("fk_directory_phones_service_id")),
        sa.ForeignKeyConstraint(["verified_by_1"], ["staff.id"], name=op.f("fk_directory_phones_verified_by_1")),
        sa.ForeignKeyConstraint(["verified_by_2"], ["staff.id"], name=op.f("fk_directory_phones_verified_by_2")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_phones")),
    )
    op.create_index(op.f("ix_directory_phones_location_id"), "directory_phones", ["location_id"], unique=False)
    op.create_index(op.f("ix_directory_phones_organization_id"), "directory_phones", ["organization_id"], unique=False)
    op.create_index(
        op.f("ix_directory_phones_service_at_location_id"), "directory_phones", ["service_at_location_id"], unique=False
    )
    op.create_index(op.f("ix_directory_phones_service_id"), "directory_phones", ["service_id"], unique=False)
    op.create_table(
        "directory_schedules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=True),
        sa.Column("location_id", sa.Text(), nullable=True),
        sa.Column("service_at_location_id", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("dtstart", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("freq", sa.Text(), nullable=True),
        sa.Column("interval", sa.Integer(), nullable=True),
        sa.Column("byday", sa.Text(), nullable=True),
        sa.Column("bymonthday", sa.Text(), nullable=True),
        sa.Column("opens_at", sa.Time(), nullable=True),
        sa.Column("closes_at", sa.Time(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["location_id"], ["directory_locations.id"], name=op.f("fk_directory_schedules_location_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_at_location_id"],
            ["directory_service_at_locations.id"],
            name=op.f("fk_directory_schedules_service_at_location_id"),
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["directory_services.id"], name=op.f("fk_directory_schedules_service_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_schedules")),
    )
    op.create_index(op.f("ix_directory_schedules_location_id"), "directory_schedules", ["location_id"], unique=False)
    op.create_index(
        op.f("ix_directory_schedules_service_at_location_id"),
        "directory_schedules",
        ["service_at_location_id"],
        unique=False,
    )
    op.create_index(op.f("ix_directory_schedules_service_id"), "directory_schedules", ["service_id"], unique=False)
    op.create_table(
        "complaints",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("coi_orgs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_complaints_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
        sa.UniqueConstraint("case_id", name=op.f("uq_complaints_case_id")),
    )
    op.create_table(
        "directory_languages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=True),
        sa.Column("location_id", sa.Text(), nullable=True),
        sa.Column("phone_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["location_id"], ["directory_locations.id"], name=op.f("fk_directory_languages_location_id")
        ),
        sa.ForeignKeyConstraint(["phone_id"], ["directory_phones.id"], name=op.f("fk_directory_languages_phone_id")),
        sa.ForeignKeyConstraint(
            ["service_id"], ["directory_services.id"], name=op.f("fk_directory_languages_service_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_languages")),
    )
    op.create_index(op.f("ix_directory_languages_location_id"), "directory_languages", ["location_id"], unique=False)
    op.create_index(op.f("ix_directory_languages_phone_id"), "directory_languages", ["phone_id"], unique=False)
    op.create_index(op.f("ix_directory_languages_service_id"), "directory_languages", ["service_id"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_directory_languages_service_id"), table_name="directory_languages")
    op.drop_index(op.f("ix_directory_languages_phone_id"), table_name="directory_languages")
    op.drop_index(op.f("ix_directory_languages_location_id"), table_name="directory_languages")
    op.drop_table("directory_languages")
    op.drop_table("complaints")
    op.drop_index(op.f("ix_directory_schedules_service_id"), table_name="directory_schedules")
    op.drop_index(op.f("ix_directory_schedules_service_at_location_id"), table_name="directory_schedules")
    op.drop_index(op.f("ix_directory_schedules_location_id"), table_name="directory_schedules")
    op.drop_table("directory_schedules")
    op.drop_index(op.f("ix_directory_phones_service_id"), table_name="directory_phones")
    op.drop_index(op.f("ix_directory_phones_service_at_location_id"), table_name="directory_phones")
    op.drop_index(op.f("ix_directory_phones_organization_id"), table_name="directory_phones")
    op.drop_index(op.f("ix_directory_phones_location_id"), table_name="directory_phones")
    op.drop_table("directory_phones")
    op.drop_index(op.f("ix_directory_service_at_locations_service_id"), table_name="directory_service_at_locations")
    op.drop_index(op.f("ix_directory_service_at_locations_location_id"), table_name="directory_service_at_locations")
    op.drop_table("directory_service_at_locations")
    op.drop_index(op.f("ix_directory_service_areas_service_id"), table_name="directory_service_areas")
    op.drop_table("directory_service_areas")
    op.drop_index("ix_directory_services_place_codes", table_name="directory_services", postgresql_using="gin")
    op.drop_index(op.f("ix_directory_services_organization_id"), table_name="directory_services")
    op.drop_index("ix_directory_services_needs", table_name="directory_services", postgresql_using="gin")
    op.drop_table("directory_services")
    op.drop_table("directory_reports")
    op.drop_table("places")
    op.drop_table("directory_organizations")
    op.drop_table("directory_locations")
