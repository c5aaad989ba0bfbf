"""What a report holds, persons with a word and a way back, referrals, erasure, and the chained audit"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

REFERRAL_NEEDS_CONSENT = (
    """
    CREATE FUNCTION referral_needs_consent() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (
            SELECT 1 FROM consents c JOIN cases k ON k.id = NEW.case_id
            WHERE c.id = NEW.consent_id AND c.person_id = k.person_id AND c.organisation_id = NEW.organisation_id
              AND c.purpose = 'share' AND c.withdrawn_at IS NULL AND c.expires_at > now()
        ) THEN
            RAISE EXCEPTION 'a referral needs a live share consent that names its partner'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER referral_needs_consent BEFORE INSERT OR UPDATE OF case_id, consent_id, organisation_id
    ON referrals FOR EACH ROW EXECUTE FUNCTION referral_needs_consent()
    """,
)
AUDIT_UNCHAINED = (
    "DROP TRIGGER audit_is_never_changed ON audit",
    "DROP TRIGGER audit_joins_its_chain ON audit",
    "DROP TRIGGER audit_names_its_chain ON audit",
    "DROP FUNCTION audit_joins_its_chain()",
    "DROP FUNCTION audit_names_its_chain()",
    "DROP TRIGGER audit_is_append_only ON audit",
    """
    CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
    """,
)
COLUMNS = (
    ("audit", "chain"),
    ("audit", "place"),
    ("audit", "digest"),
    ("cases", "conversation_id"),
    ("cases", "sop_version"),
    ("cases", "for_whom"),
    ("cases", "age_band"),
    ("cases", "place_code"),
    ("cases", "concerns"),
    ("cases", "flags"),
    ("cases", "skipped"),
    ("cases", "owner"),
    ("cases", "joint"),
    ("cases", "backup_id"),
    ("cases", "excluded"),
    ("cases", "worker_gender"),
    ("cases", "note_cipher"),
    ("cases", "due_at"),
    ("cases", "escalations"),
    ("cases", "ends_told_at"),
    ("consents", "withdrawn_channel"),
    ("consents", "asked_at"),
    ("consents", "data_categories"),
    ("consents", "by_staff_id"),
    ("consents", "second_staff_id"),
    ("conversations", "person_seen_at"),
    ("conversations", "held_cipher"),
    ("conversations", "held_at"),
    ("conversations", "erasure_id"),
    ("inbound", "provider_cipher"),
    ("conversations", "word_due_at"),
    ("conversations", "knocked_at"),
    ("memberships", "focal"),
    ("persons", "plan_hours"),
    ("persons", "age_band"),
    ("persons", "shared_phone"),
    ("persons", "word_cipher"),
    ("persons", "sign_cipher"),
    ("persons", "wrong_words"),
    ("persons", "locked_until"),
)
# Entries of one organisation on one day form a chain. It is closed at the end of the transaction, when every row that
# the transaction needs is locked already: two transactions wait for each other's chain, and for nothing else meanwhile.
AUDIT_CHAIN = (
    """
    CREATE FUNCTION audit_names_its_chain() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.chain := COALESCE(NEW.organisation_id::text, 'deployment') || ':'
            || to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD');
        NEW.place := NULL;
        NEW.digest := NULL;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER audit_names_its_chain BEFORE INSERT ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_names_its_chain()
    """,
    """
    CREATE FUNCTION audit_joins_its_chain() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        entry audit%ROWTYPE;
        last record;
    BEGIN
        FOR entry IN SELECT * FROM audit WHERE chain IS NOT NULL AND digest IS NULL ORDER BY chain, id LOOP
            PERFORM pg_advisory_xact_lock(hashtextextended('audit:' || entry.chain, 0));
            SELECT a.place, a.digest INTO last FROM audit a
            WHERE a.chain = entry.chain AND a.digest IS NOT NULL ORDER BY a.place DESC LIMIT 1;
            UPDATE audit SET place = COALESCE(last.place, 0) + 1, digest = sha256(
                COALESCE(last.digest, sha256(convert_to(entry.chain, 'UTF8'))) || convert_to(jsonb_build_array(
                    entry.chain, COALESCE(last.place, 0) + 1,
                    to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), entry.actor, entry.action,
                    entry.object_kind, entry.object_id, entry.organisation_id, entry.detail
                )::text, 'UTF8')
            ) WHERE id = entry.id;
        END LOOP;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER audit_joins_its_chain AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION audit_joins_its_chain()
    """,
    "DROP TRIGGER audit_is_append_only ON audit",
    """
    CREATE TRIGGER audit_is_append_only BEFORE DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
    """,
    """
    CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit FOR EACH ROW WHEN (
        OLD.digest IS NOT NULL OR OLD.chain IS NULL
        OR to_jsonb(NEW) - 'place' - 'digest' IS DISTINCT FROM to_jsonb(OLD) - 'place' - 'digest'
    ) EXECUTE FUNCTION audit_is_append_only()
    """,
)
CHECKS = (
    ("cases", "state", "state in ('waiting', 'claimed', 'closed', 'withdrawn', 'erased')"),
    ("cases", "erased_has_nobody", "state = 'erased' or (person_id is not null and consent_id is not null)"),
    ("cases", "for_whom", "for_whom in ('self', 'child', 'other')"),
    ("cases", "age_band", "age_band in ('adult', 'minor', 'unknown')"),
    ("persons", "contact_plan", "contact_plan in ('self', 'any', 'hours')"),
    ("persons", "age_band", "age_band in ('adult', 'minor', 'unknown')"),
    ("persons", "shared_phone", "shared_phone in ('yes', 'no', 'unsure')"),
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit_heads",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("address_id", sa.UUID(), nullable=True),
        sa.Column("key_id", sa.UUID(), nullable=False),
        sa.Column("answer_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_table(
        "forgotten",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("provider_index", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("channel", "account", "provider_index", name=op.f("pk_forgotten")),
    )
    op.create_table(
        "provider_copies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("erasure_id", sa.UUID(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("cipher", sa.LargeBinary(), nullable=False),
        sa.Column("receipt", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasures.id"], name=op.f("fk_provider_copies_erasure_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_copies")),
    )
    op.create_index(op.f("ix_provider_copies_erasure_id"), "provider_copies", ["erasure_id"], unique=False)
    op.create_table(
        "sealed_summaries",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=True),
        sa.Column("by_code", sa.LargeBinary(), nullable=True),
        sa.Column("by_word", sa.LargeBinary(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("cipher", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealed_summaries")),
    )
    op.create_index(op.f("ix_sealed_summaries_case_number"), "sealed_summaries", ["case_number"], unique=False)
    op.create_index(op.f("ix_sealed_summaries_selector"), "sealed_summaries", ["selector"], unique=False)
    op.create_table(
        "tries",
        sa.Column("bucket", sa.LargeBinary(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "hour", name=op.f("pk_tries")),
    )
    op.create_table(
        "erased",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erased")),
        schema="vault",
    )
    op.create_table(
        "return_codes",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("seal_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_return_codes_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_return_codes")),
        sa.UniqueConstraint("person_id", name=op.f("uq_return_codes_person_id")),
    )
    op.create_index(op.f("ix_return_codes_selector"), "return_codes", ["selector"], unique=False)
    op.create_table(
        "referrals",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("organisation_id", sa.UUID(), nullable=False),
        sa.Column("consent_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), server_default="sent", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state in ('sent', 'acknowledged', 'accepted', 'not_accepted', 'delivered', 'not_delivered', 'closed', "
            "'withdrawn')",
            name=op.f("ck_referrals_state"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_referrals_case_id")),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name=op.f("fk_referrals_consent_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_referrals_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
    )
    op.create_index(op.f("ix_referrals_case_id"), "referrals", ["case_id"], unique=False)
    op.add_column("audit", sa.Column("chain", sa.Text(), nullable=True))
    op.add_column("audit", sa.Column("place", sa.Integer(), nullable=True))
    op.add_column("audit", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.create_unique_constraint(op.f("uq_audit_chain_place"), "audit", ["chain", "place"])
    op.create_index(
        "ix_audit_unchained",
        "audit",
        ["chain", "id"],
        postgresql_where=sa.text("chain IS NOT NULL AND digest IS NULL"),
    )
    op.add_column("cases", sa.Column("conversation_id", sa.UUID(), nullable=True))
    op.add_column("cases", sa.Column("sop_version", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("for_whom", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("age_band", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("place_code", sa.Text(), nullable=True))
    op.add_column(
        "cases",
        sa.Column(
            "concerns", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.add_column(
        "cases",
        sa.Column(
            "flags", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.add_column(
        "cases",
        sa.Column(
            "skipped", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.add_column("cases", sa.Column("owner", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("joint", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("backup_id", sa.UUID(), nullable=True))
    op.create_foreign_key(op.f("fk_cases_backup_id"), "cases", "organisations", ["backup_id"], ["id"])
    op.add_column(
        "cases",
        sa.Column(
            "excluded", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.add_column("cases", sa.Column("worker_gender", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("note_cipher", sa.LargeBinary(), nullable=True))
    op.add_column("cases", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("ends_told_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("escalations", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.alter_column("cases", "person_id", existing_type=sa.UUID(), nullable=True)
    op.alter_column("cases", "consent_id", existing_type=sa.UUID(), nullable=True)
    op.create_index(op.f("ix_cases_conversation_id"), "cases", ["conversation_id"], unique=False)
    op.create_index(op.f("ix_cases_person_id"), "cases", ["person_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_cases_conversation_id"),
        "cases",
        "conversations",
        ["conversation_id"],
        ["id"],
        ondelete="SET NULL",
        use_alter=True,
    )
    op.add_column("consents", sa.Column("withdrawn_channel", sa.Text(), nullable=True))
    op.add_column("consents", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "consents",
        sa.Column(
            "data_categories",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
    )
    op.add_column("consents", sa.Column("by_staff_id", sa.UUID(), nullable=True))
    op.add_column("consents", sa.Column("second_staff_id", sa.UUID(), nullable=True))
    op.create_foreign_key(op.f("fk_consents_second_staff_id"), "consents", "staff", ["second_staff_id"], ["id"])
    op.create_foreign_key(op.f("fk_consents_by_staff_id"), "consents", "staff", ["by_staff_id"], ["id"])
    op.add_column("conversations", sa.Column("person_seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conversations", sa.Column("held_cipher", sa.LargeBinary(), nullable=True))
    op.add_column("conversations", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conversations", sa.Column("erasure_id", sa.UUID(), nullable=True))
    op.create_index(op.f("ix_conversations_erasure_id"), "conversations", ["erasure_id"], unique=False)
    op.create_foreign_key(op.f("fk_conversations_erasure_id"), "conversations", "erasures", ["erasure_id"], ["id"])
    op.add_column("inbound", sa.Column("provider_cipher", sa.LargeBinary(), nullable=True))
    op.add_column("conversations", sa.Column("word_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conversations", sa.Column("knocked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "memberships",
        sa.Column(
            "focal", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.add_column(
        "persons",
        sa.Column(
            "plan_hours", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.add_column("persons", sa.Column("age_band", sa.Text(), nullable=True))
    op.add_column("persons", sa.Column("shared_phone", sa.Text(), nullable=True))
    op.add_column("persons", sa.Column("word_cipher", sa.LargeBinary(), nullable=True))
    op.add_column("persons", sa.Column("sign_cipher", sa.LargeBinary(), nullable=True))
    op.add_column("persons", sa.Column("wrong_words", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("persons", sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("ck_cases_state"), "cases")
    for table, name, rule in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)
    op.execute("UPDATE conversations SET person_seen_at = last_inbound_at")
    op.execute("UPDATE cases SET conversation_id = c.id FROM conversations c WHERE c.case_id = cases.id")
    for statement in (*REFERRAL_NEEDS_CONSENT, *AUDIT_CHAIN):
        op.execute(statement)


def downgrade() -> None:
    """Take back. Fails while a case is erased: it has no person to go back to."""
    for statement in AUDIT_UNCHAINED:
        op.execute(statement)
    op.execute("DROP TRIGGER referral_needs_consent ON referrals")
    op.execute("DROP FUNCTION referral_needs_consent()")
    op.alter_column("cases", "consent_id", existing_type=sa.UUID(), nullable=False)
    op.alter_column("cases", "person_id", existing_type=sa.UUID(), nullable=False)
    for table, name, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(
        op.f("ck_cases_state"), "cases", "state in ('waiting', 'claimed', 'closed', 'withdrawn')"
    )
    op.drop_index(op.f("ix_cases_person_id"), table_name="cases")
    op.drop_index("ix_audit_unchained", table_name="audit")
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column)
    gone = ("referrals", "return_codes", "tries", "sealed_summaries", "audit_heads", "provider_copies", "erasures")
    for table in (*gone, "forgotten"):
        op.drop_table(table)
    op.drop_table("erased", schema="vault")
