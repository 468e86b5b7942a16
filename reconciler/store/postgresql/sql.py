"""Made by `python -m reconciler.store.compiler` Do not edit."""

SCHEMA = (
    (
        'CREATE TABLE alert_incidents ( alert TEXT COLLATE "C" NOT NULL, object TEXT COLLATE "C" NOT NULL, '
        'topic TEXT COLLATE "C" NOT NULL, document TEXT COLLATE "C" NOT NULL, CONSTRAINT pk_alert_incidents '
        "PRIMARY KEY (alert, object, topic) )"
    ),
    (
        'CREATE TABLE alert_outbox ( number BIGSERIAL NOT NULL, id TEXT COLLATE "C" NOT NULL, alert TEXT '
        'COLLATE "C" NOT NULL, document TEXT COLLATE "C" NOT NULL, CONSTRAINT pk_alert_outbox PRIMARY KEY '
        "(number) )"
    ),
    (
        'CREATE TABLE alerts ( name TEXT COLLATE "C" NOT NULL, cursor BIGINT NOT NULL, failures INTEGER NOT '
        'NULL, error TEXT COLLATE "C" NOT NULL, next_try FLOAT NOT NULL, sent BIGINT NOT NULL, sent_at '
        "FLOAT NOT NULL, dropped BIGINT NOT NULL, CONSTRAINT pk_alerts PRIMARY KEY (name) )"
    ),
    (
        'CREATE TABLE approvals ( address TEXT COLLATE "C" NOT NULL, shown TEXT COLLATE "C" NOT NULL, by '
        'TEXT COLLATE "C" NOT NULL, reason TEXT COLLATE "C" NOT NULL, at FLOAT NOT NULL, CONSTRAINT '
        "pk_approvals PRIMARY KEY (address) )"
    ),
    (
        'CREATE TABLE audit ( id BIGINT NOT NULL, at FLOAT NOT NULL, actor TEXT COLLATE "C" NOT NULL, '
        'action TEXT COLLATE "C" NOT NULL, object TEXT COLLATE "C" NOT NULL, data TEXT COLLATE "C" NOT '
        'NULL, previous TEXT COLLATE "C" NOT NULL, hash TEXT COLLATE "C" NOT NULL, CONSTRAINT pk_audit '
        "PRIMARY KEY (id) )"
    ),
    (
        'CREATE TABLE blobs ( digest TEXT COLLATE "C" NOT NULL, size BIGINT NOT NULL, data BYTEA, '
        "created_at FLOAT NOT NULL, used_at FLOAT NOT NULL, CONSTRAINT pk_blobs PRIMARY KEY (digest) )"
    ),
    (
        'CREATE TABLE decisions ( source TEXT COLLATE "C" NOT NULL, digest TEXT COLLATE "C" NOT NULL, doubt '
        'TEXT COLLATE "C" NOT NULL, held TEXT COLLATE "C" NOT NULL, CONSTRAINT pk_decisions PRIMARY KEY '
        "(source) )"
    ),
    (
        'CREATE TABLE disruptions ( target TEXT COLLATE "C" NOT NULL, cause TEXT COLLATE "C" NOT NULL, '
        "since FLOAT NOT NULL, CONSTRAINT pk_disruptions PRIMARY KEY (target) )"
    ),
    (
        'CREATE TABLE events ( id BIGSERIAL NOT NULL, at FLOAT NOT NULL, type TEXT COLLATE "C" NOT NULL, '
        'reason TEXT COLLATE "C" NOT NULL, object TEXT COLLATE "C" NOT NULL, message TEXT COLLATE "C" NOT '
        'NULL, cause TEXT COLLATE "C" NOT NULL, evidence TEXT COLLATE "C", duration FLOAT, data TEXT '
        'COLLATE "C" NOT NULL, CONSTRAINT pk_events PRIMARY KEY (id) )'
    ),
    (
        'CREATE TABLE facts ( target TEXT COLLATE "C" NOT NULL, section TEXT COLLATE "C" NOT NULL, document '
        'TEXT COLLATE "C" NOT NULL, taken FLOAT NOT NULL, cut BOOLEAN NOT NULL, CONSTRAINT pk_facts PRIMARY '
        "KEY (target, section) )"
    ),
    (
        "CREATE TABLE housekeeping ( id INTEGER NOT NULL CONSTRAINT ck_housekeeping_one CHECK (id = 1), at "
        "FLOAT NOT NULL, CONSTRAINT pk_housekeeping PRIMARY KEY (id) )"
    ),
    (
        "CREATE TABLE lease ( id INTEGER NOT NULL CONSTRAINT ck_lease_one CHECK (id = 1), token BIGINT NOT "
        'NULL, host TEXT COLLATE "C" NOT NULL, pid INTEGER NOT NULL, boot_id TEXT COLLATE "C" NOT NULL, '
        'since FLOAT NOT NULL, expires FLOAT NOT NULL, locked BOOLEAN NOT NULL, store TEXT COLLATE "C" '
        "DEFAULT '' NOT NULL, CONSTRAINT pk_lease PRIMARY KEY (id) )"
    ),
    (
        'CREATE TABLE members ( number BIGINT NOT NULL, host TEXT COLLATE "C" NOT NULL, pid INTEGER NOT '
        'NULL, boot_id TEXT COLLATE "C" NOT NULL, since FLOAT NOT NULL, CONSTRAINT pk_members PRIMARY KEY '
        "(number) )"
    ),
    (
        'CREATE TABLE queue ( target TEXT COLLATE "C" NOT NULL, priority INTEGER NOT NULL, dirty TEXT '
        'COLLATE "C" NOT NULL, added_at FLOAT NOT NULL, CONSTRAINT pk_queue PRIMARY KEY (target) )'
    ),
    (
        'CREATE TABLE refresh_owed ( address TEXT COLLATE "C" NOT NULL, cause TEXT COLLATE "C" NOT NULL, '
        'run TEXT COLLATE "C" NOT NULL, before TEXT COLLATE "C" NOT NULL, since FLOAT NOT NULL, certain '
        "BOOLEAN NOT NULL, CONSTRAINT pk_refresh_owed PRIMARY KEY (address, cause) )"
    ),
    (
        'CREATE TABLE resource_state ( address TEXT COLLATE "C" NOT NULL, generation INTEGER NOT NULL, '
        'digest TEXT COLLATE "C" NOT NULL, observed_generation INTEGER NOT NULL, observed TEXT COLLATE "C", '
        'observed_at FLOAT NOT NULL, owned BOOLEAN NOT NULL, conditions TEXT COLLATE "C" NOT NULL, history '
        'TEXT COLLATE "C" NOT NULL, failures INTEGER NOT NULL, source TEXT COLLATE "C" DEFAULT \'\' NOT NULL, '
        'held TEXT COLLATE "C", declared TEXT COLLATE "C" DEFAULT \'[]\' NOT NULL, CONSTRAINT '
        "pk_resource_state PRIMARY KEY (address) )"
    ),
    (
        'CREATE TABLE rollouts ( source TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, document '
        'TEXT COLLATE "C" NOT NULL, CONSTRAINT pk_rollouts PRIMARY KEY (source, name) )'
    ),
    (
        'CREATE TABLE runs ( id TEXT COLLATE "C" NOT NULL, target TEXT COLLATE "C" NOT NULL, cause TEXT '
        'COLLATE "C" NOT NULL, revision TEXT COLLATE "C" NOT NULL, started_at FLOAT NOT NULL, finished_at '
        'FLOAT, outcome TEXT COLLATE "C" NOT NULL, message TEXT COLLATE "C" NOT NULL, CONSTRAINT pk_runs '
        "PRIMARY KEY (id) )"
    ),
    (
        "CREATE TABLE shards ( shard INTEGER NOT NULL, member BIGINT NOT NULL, token BIGINT NOT NULL, "
        "CONSTRAINT pk_shards PRIMARY KEY (shard) )"
    ),
    (
        'CREATE TABLE snapshots ( id BIGSERIAL NOT NULL, source TEXT COLLATE "C" NOT NULL, revision TEXT '
        'COLLATE "C" NOT NULL, digest TEXT COLLATE "C" NOT NULL, root TEXT COLLATE "C" NOT NULL, left_out '
        'TEXT COLLATE "C" NOT NULL, taken_at FLOAT NOT NULL, CONSTRAINT pk_snapshots PRIMARY KEY (id) )'
    ),
    (
        'CREATE TABLE source_state ( name TEXT COLLATE "C" NOT NULL, conditions TEXT COLLATE "C" NOT NULL, '
        'revision TEXT COLLATE "C" NOT NULL, digest TEXT COLLATE "C" NOT NULL, problems TEXT COLLATE "C" '
        'NOT NULL, degraded TEXT COLLATE "C" NOT NULL, CONSTRAINT pk_source_state PRIMARY KEY (name) )'
    ),
    (
        'CREATE TABLE suspensions ( object TEXT COLLATE "C" NOT NULL, by TEXT COLLATE "C" NOT NULL, reason '
        'TEXT COLLATE "C" NOT NULL, since FLOAT NOT NULL, until FLOAT, CONSTRAINT pk_suspensions PRIMARY '
        "KEY (object) )"
    ),
    (
        'CREATE TABLE target_state ( name TEXT COLLATE "C" NOT NULL, conditions TEXT COLLATE "C" NOT NULL, '
        "connected_since FLOAT, CONSTRAINT pk_target_state PRIMARY KEY (name) )"
    ),
    (
        'CREATE TABLE targets ( name TEXT COLLATE "C" NOT NULL, document TEXT COLLATE "C" NOT NULL, '
        "CONSTRAINT pk_targets PRIMARY KEY (name) )"
    ),
    (
        "CREATE TABLE warm ( id INTEGER NOT NULL CONSTRAINT ck_warm_one CHECK (id = 1), document BYTEA NOT "
        "NULL, CONSTRAINT pk_warm PRIMARY KEY (id) )"
    ),
    (
        'CREATE TABLE inventory ( address TEXT COLLATE "C" NOT NULL, ownership TEXT COLLATE "C" NOT NULL, '
        'digest TEXT COLLATE "C" NOT NULL, instance TEXT COLLATE "C" NOT NULL, recorded_at FLOAT NOT NULL, '
        'body TEXT COLLATE "C", preimage TEXT COLLATE "C", CONSTRAINT pk_inventory PRIMARY KEY (address), '
        "CONSTRAINT fk_inventory_preimage FOREIGN KEY(preimage) REFERENCES blobs (digest) )"
    ),
    (
        'CREATE TABLE plan_units ( run TEXT COLLATE "C" NOT NULL, address TEXT COLLATE "C" NOT NULL, action '
        'TEXT COLLATE "C" NOT NULL, cause TEXT COLLATE "C" NOT NULL, diffs TEXT COLLATE "C" NOT NULL, '
        'desired TEXT COLLATE "C" NOT NULL, observed TEXT COLLATE "C" NOT NULL, preimage TEXT COLLATE "C", '
        'outcome TEXT COLLATE "C", message TEXT COLLATE "C" NOT NULL, preimage_at TEXT COLLATE "C" DEFAULT '
        "'' NOT NULL, CONSTRAINT pk_plan_units PRIMARY KEY (run, address), CONSTRAINT fk_plan_units_run "
        "FOREIGN KEY(run) REFERENCES runs (id) ON DELETE CASCADE, CONSTRAINT fk_plan_units_preimage FOREIGN "
        "KEY(preimage) REFERENCES blobs (digest) )"
    ),
    (
        'CREATE TABLE rollbacks ( source TEXT COLLATE "C" NOT NULL, snapshot BIGINT NOT NULL, by TEXT '
        'COLLATE "C" NOT NULL, reason TEXT COLLATE "C" NOT NULL, since FLOAT NOT NULL, until FLOAT, '
        "CONSTRAINT pk_rollbacks PRIMARY KEY (source), CONSTRAINT fk_rollbacks_snapshot FOREIGN "
        "KEY(snapshot) REFERENCES snapshots (id) )"
    ),
    (
        'CREATE TABLE rollout_turns ( source TEXT COLLATE "C" NOT NULL, rollout TEXT COLLATE "C" NOT NULL, '
        'target TEXT COLLATE "C" NOT NULL, snapshot BIGINT, document TEXT COLLATE "C" NOT NULL, CONSTRAINT '
        "pk_rollout_turns PRIMARY KEY (source, rollout, target), CONSTRAINT fk_rollout_turns_snapshot "
        "FOREIGN KEY(snapshot) REFERENCES snapshots (id) )"
    ),
    (
        'CREATE TABLE snapshot_files ( snapshot BIGINT NOT NULL, path TEXT COLLATE "C" NOT NULL, digest '
        "TEXT COLLATE \"C\" NOT NULL, executable BOOLEAN DEFAULT '0' NOT NULL, CONSTRAINT pk_snapshot_files "
        "PRIMARY KEY (snapshot, path), CONSTRAINT fk_snapshot_files_snapshot FOREIGN KEY(snapshot) "
        "REFERENCES snapshots (id) ON DELETE CASCADE, CONSTRAINT fk_snapshot_files_digest FOREIGN "
        "KEY(digest) REFERENCES blobs (digest) )"
    ),
    "CREATE INDEX ix_blobs_used_at_digest_size ON blobs (used_at, digest, size)",
    "CREATE INDEX ix_events_object_id ON events (object, id)",
    "CREATE INDEX ix_snapshots_source_id ON snapshots (source, id)",
    "CREATE INDEX ix_inventory_body ON inventory (body)",
    "CREATE INDEX ix_inventory_preimage ON inventory (preimage)",
    "CREATE INDEX ix_plan_units_in_doubt ON plan_units (run) WHERE outcome IS NULL",
    "CREATE INDEX ix_plan_units_preimage ON plan_units (preimage)",
    "CREATE INDEX ix_rollout_turns_snapshot ON rollout_turns (snapshot)",
    "CREATE INDEX ix_snapshot_files_digest ON snapshot_files (digest)",
    (
        "CREATE FUNCTION froyo_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
        "EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END "
        "$$"
    ),
    (
        "CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION "
        "froyo_is_append_only()"
    ),
    (
        "CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION "
        "froyo_is_append_only()"
    ),
    (
        "CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION "
        "froyo_is_append_only()"
    ),
    (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc "
        "PRIMARY KEY (version_num))"
    ),
    "INSERT INTO alembic_version VALUES ('0015')",
)

STATEMENTS = {
    "ADD_ALERT_MESSAGE": (
        'INSERT INTO alert_outbox (id, alert, document) VALUES (%(id)s::VARCHAR COLLATE "C", '
        '%(alert)s::VARCHAR COLLATE "C", %(document)s::VARCHAR COLLATE "C") RETURNING alert_outbox.number'
    ),
    "ADD_AUDIT": (
        "INSERT INTO audit (id, at, actor, action, object, data, previous, hash) VALUES (%(id)s::BIGINT, "
        '%(at)s, %(actor)s::VARCHAR COLLATE "C", %(action)s::VARCHAR COLLATE "C", %(object)s::VARCHAR '
        'COLLATE "C", %(data)s::VARCHAR COLLATE "C", %(previous)s::VARCHAR COLLATE "C", %(hash)s::VARCHAR '
        'COLLATE "C")'
    ),
    "ADD_EARLIER_SNAPSHOT": (
        "INSERT INTO snapshots (id, source, revision, digest, root, left_out, taken_at) VALUES "
        '(%(id)s::BIGINT, %(source)s::VARCHAR COLLATE "C", %(revision)s::VARCHAR COLLATE "C", '
        '%(digest)s::VARCHAR COLLATE "C", %(root)s::VARCHAR COLLATE "C", %(left_out)s::VARCHAR COLLATE "C", '
        "%(taken_at)s)"
    ),
    "ADD_EVENT": (
        "INSERT INTO events (at, type, reason, object, message, cause, evidence, duration, data) VALUES "
        '(%(at)s, %(type)s::VARCHAR COLLATE "C", %(reason)s::VARCHAR COLLATE "C", %(object)s::VARCHAR '
        'COLLATE "C", %(message)s::VARCHAR COLLATE "C", %(cause)s::VARCHAR COLLATE "C", '
        '%(evidence)s::VARCHAR COLLATE "C", %(duration)s, %(data)s::VARCHAR COLLATE "C") RETURNING '
        "events.id"
    ),
    "ADD_MEMBER": (
        "INSERT INTO members (number, host, pid, boot_id, since) VALUES (%(number)s::BIGINT, "
        '%(host)s::VARCHAR COLLATE "C", %(pid)s::INTEGER, %(boot_id)s::VARCHAR COLLATE "C", %(since)s)'
    ),
    "ADD_RUN": (
        "INSERT INTO runs (id, target, cause, revision, started_at, finished_at, outcome, message) VALUES "
        '(%(id)s::VARCHAR COLLATE "C", %(target)s::VARCHAR COLLATE "C", %(cause)s::VARCHAR COLLATE "C", '
        '%(revision)s::VARCHAR COLLATE "C", %(started_at)s, %(finished_at)s, %(outcome)s::VARCHAR COLLATE '
        '"C", %(message)s::VARCHAR COLLATE "C")'
    ),
    "ADD_SNAPSHOT": (
        "INSERT INTO snapshots (source, revision, digest, root, left_out, taken_at) VALUES "
        '(%(source)s::VARCHAR COLLATE "C", %(revision)s::VARCHAR COLLATE "C", %(digest)s::VARCHAR COLLATE '
        '"C", %(root)s::VARCHAR COLLATE "C", %(left_out)s::VARCHAR COLLATE "C", %(taken_at)s) RETURNING '
        "snapshots.id"
    ),
    "ADD_SNAPSHOT_FILE": (
        "INSERT INTO snapshot_files (snapshot, path, digest, executable) VALUES (%(snapshot)s::BIGINT, "
        '%(path)s::VARCHAR COLLATE "C", %(digest)s::VARCHAR COLLATE "C", %(executable)s)'
    ),
    "AGED_BLOBS": (
        "SELECT blobs.used_at, blobs.digest, blobs.size, blobs.data IS NULL AS anon_1, NOT (EXISTS (SELECT "
        "* FROM snapshot_files WHERE snapshot_files.digest = blobs.digest)) AND NOT (EXISTS (SELECT * FROM "
        "inventory WHERE inventory.preimage = blobs.digest)) AND NOT (EXISTS (SELECT * FROM plan_units "
        "WHERE plan_units.preimage = blobs.digest)) AND NOT (EXISTS (SELECT * FROM inventory WHERE "
        "inventory.body = blobs.digest)) AS anon_2 FROM blobs WHERE blobs.used_at < %(before)s AND "
        "blobs.used_at >= %(at)s AND (blobs.used_at > %(at)s OR blobs.digest > %(after)s::VARCHAR COLLATE "
        '"C") ORDER BY blobs.used_at, blobs.digest LIMIT %(most)s'
    ),
    "ALERTS": (
        "SELECT alerts.name, alerts.cursor, alerts.failures, alerts.error, alerts.next_try, alerts.sent, "
        "alerts.sent_at, alerts.dropped FROM alerts ORDER BY alerts.name"
    ),
    "ALERT_MESSAGES": (
        "SELECT alert_outbox.number, alert_outbox.id, alert_outbox.alert, alert_outbox.document FROM "
        "alert_outbox ORDER BY alert_outbox.number"
    ),
    "APPROVALS": (
        "SELECT approvals.address, approvals.shown, approvals.by, approvals.reason, approvals.at FROM "
        "approvals ORDER BY approvals.address"
    ),
    "AUDIT": (
        "SELECT audit.id, audit.at, audit.actor, audit.action, audit.object, audit.data, audit.previous, "
        "audit.hash FROM audit WHERE audit.id > %(after)s::BIGINT ORDER BY audit.id LIMIT %(limit)s"
    ),
    "AUDIT_HEAD": "SELECT audit.id, audit.hash FROM audit ORDER BY audit.id DESC LIMIT 1::INTEGER",
    "BLOB": (
        "SELECT blobs.size, CASE WHEN (blobs.size <= 32768::BIGINT) THEN blobs.data END AS anon_1 FROM "
        'blobs WHERE blobs.digest = %(digest)s::VARCHAR COLLATE "C"'
    ),
    "BLOB_BYTES": "SELECT coalesce(sum(blobs.size), 0::INTEGER) AS coalesce_1 FROM blobs",
    "BLOB_SIZE": 'SELECT blobs.size FROM blobs WHERE blobs.digest = %(digest)s::VARCHAR COLLATE "C"',
    "BODY": 'SELECT blobs.data FROM blobs WHERE blobs.digest = %(digest)s::VARCHAR COLLATE "C"',
    "DECISIONS": (
        "SELECT decisions.source, decisions.digest, decisions.doubt, decisions.held FROM decisions ORDER BY "
        "decisions.source"
    ),
    "DISRUPTIONS": (
        "SELECT disruptions.target, disruptions.cause, disruptions.since FROM disruptions ORDER BY "
        "disruptions.since, disruptions.target"
    ),
    "DROP_BLOB": 'DELETE FROM blobs WHERE blobs.digest = %(digest)s::VARCHAR COLLATE "C"',
    "DROP_EVENTS": (
        "DELETE FROM events WHERE events.id IN (SELECT anon_1.id FROM (SELECT events.id AS id, events.at AS "
        "at FROM events ORDER BY events.id LIMIT %(most)s) AS anon_1 WHERE anon_1.id <= %(up_to)s::BIGINT "
        "OR anon_1.at < %(before)s)"
    ),
    "DROP_RUN": 'DELETE FROM runs WHERE runs.id = %(of)s::VARCHAR COLLATE "C"',
    "DROP_SNAPSHOT": "DELETE FROM snapshots WHERE snapshots.id = %(of)s::BIGINT",
    "DROP_SNAPSHOT_FILES": (
        "DELETE FROM snapshot_files WHERE snapshot_files.snapshot = %(of)s::BIGINT AND snapshot_files.path "
        "IN (SELECT snapshot_files.path FROM snapshot_files WHERE snapshot_files.snapshot = %(of)s::BIGINT "
        "ORDER BY snapshot_files.path LIMIT %(most)s)"
    ),
    "DROP_UNITS": (
        'DELETE FROM plan_units WHERE plan_units.run = %(of)s::VARCHAR COLLATE "C" AND plan_units.address '
        'IN (SELECT plan_units.address FROM plan_units WHERE plan_units.run = %(of)s::VARCHAR COLLATE "C" '
        "ORDER BY plan_units.address LIMIT %(most)s)"
    ),
    "EARLIER_SNAPSHOT": (
        'SELECT snapshots.revision FROM snapshots WHERE snapshots.source = %(source)s::VARCHAR COLLATE "C" '
        'AND snapshots.digest = %(digest)s::VARCHAR COLLATE "C" AND snapshots.id < (SELECT max(newer.id) AS '
        'max_1 FROM snapshots AS newer WHERE newer.source = %(source)s::VARCHAR COLLATE "C") LIMIT '
        "1::INTEGER"
    ),
    "EVENTS": (
        "SELECT events.id, events.at, events.type, events.reason, events.object, events.message, "
        "events.cause, events.evidence, events.duration, events.data FROM events WHERE events.id > "
        '%(after)s::BIGINT AND events.at >= %(since)s AND (%(reason)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.reason = %(reason)s::VARCHAR COLLATE "C") AND (%(type)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.type = %(type)s::VARCHAR COLLATE "C") AND (%(cause)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.cause = %(cause)s::VARCHAR COLLATE "C") ORDER BY events.id LIMIT %(limit)s'
    ),
    "EVENTS_OF_OBJECT": (
        "SELECT events.id, events.at, events.type, events.reason, events.object, events.message, "
        "events.cause, events.evidence, events.duration, events.data FROM events WHERE events.id > "
        '%(after)s::BIGINT AND events.at >= %(since)s AND (%(reason)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.reason = %(reason)s::VARCHAR COLLATE "C") AND (%(type)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.type = %(type)s::VARCHAR COLLATE "C") AND (%(cause)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.cause = %(cause)s::VARCHAR COLLATE "C") AND events.object >= %(low)s::VARCHAR COLLATE "C" '
        'AND events.object < %(high)s::VARCHAR COLLATE "C" ORDER BY events.id LIMIT %(limit)s'
    ),
    "FACTS": (
        "SELECT facts.target, facts.section, facts.document, facts.taken, facts.cut FROM facts ORDER BY "
        "facts.target, facts.section"
    ),
    "FACTS_TAKEN": "SELECT facts.target, max(facts.taken) AS max_1 FROM facts GROUP BY facts.target",
    "FINISH_RUN": (
        'UPDATE runs SET finished_at=%(finished_at)s, outcome=%(outcome)s::VARCHAR COLLATE "C", '
        'message=%(message)s::VARCHAR COLLATE "C" WHERE runs.id = %(run)s::VARCHAR COLLATE "C"'
    ),
    "FIRST_SNAPSHOT": "SELECT min(snapshots.id) AS min_1 FROM snapshots",
    "FORGET_ALERT": 'DELETE FROM alerts WHERE alerts.name = %(alert)s::VARCHAR COLLATE "C"',
    "FORGET_ALERT_MESSAGE": (
        'DELETE FROM alert_outbox WHERE alert_outbox.id = %(message)s::VARCHAR COLLATE "C"'
    ),
    "FORGET_ALERT_MESSAGES": (
        'DELETE FROM alert_outbox WHERE alert_outbox.alert = %(of)s::VARCHAR COLLATE "C"'
    ),
    "FORGET_APPROVAL": 'DELETE FROM approvals WHERE approvals.address = %(address)s::VARCHAR COLLATE "C"',
    "FORGET_DECISION": 'DELETE FROM decisions WHERE decisions.source = %(source)s::VARCHAR COLLATE "C"',
    "FORGET_DISRUPTION": 'DELETE FROM disruptions WHERE disruptions.target = %(target)s::VARCHAR COLLATE "C"',
    "FORGET_FACTS": 'DELETE FROM facts WHERE facts.target = %(target)s::VARCHAR COLLATE "C"',
    "FORGET_INCIDENT": (
        'DELETE FROM alert_incidents WHERE alert_incidents.alert = %(of)s::VARCHAR COLLATE "C" AND '
        'alert_incidents.object = %(about)s::VARCHAR COLLATE "C" AND alert_incidents.topic = '
        '%(which)s::VARCHAR COLLATE "C"'
    ),
    "FORGET_INCIDENTS": (
        'DELETE FROM alert_incidents WHERE alert_incidents.alert = %(of)s::VARCHAR COLLATE "C"'
    ),
    "FORGET_INVENTORY": 'DELETE FROM inventory WHERE inventory.address = %(address)s::VARCHAR COLLATE "C"',
    "FORGET_MEMBER": "DELETE FROM members WHERE members.number = %(number)s::BIGINT",
    "FORGET_OWED": (
        'DELETE FROM refresh_owed WHERE refresh_owed.address = %(refreshed)s::VARCHAR COLLATE "C" AND '
        'refresh_owed.cause = %(because)s::VARCHAR COLLATE "C"'
    ),
    "FORGET_QUEUED": (
        'DELETE FROM queue WHERE queue.target = %(target)s::VARCHAR COLLATE "C" AND queue.added_at <= '
        "%(up_to)s"
    ),
    "FORGET_ROLLBACK": 'DELETE FROM rollbacks WHERE rollbacks.source = %(source)s::VARCHAR COLLATE "C"',
    "FORGET_ROLLOUT": (
        'DELETE FROM rollouts WHERE rollouts.source = %(of)s::VARCHAR COLLATE "C" AND rollouts.name = '
        '%(by)s::VARCHAR COLLATE "C"'
    ),
    "FORGET_ROLLOUTS": 'DELETE FROM rollouts WHERE rollouts.source = %(of)s::VARCHAR COLLATE "C"',
    "FORGET_SNAPSHOTS": 'DELETE FROM snapshots WHERE snapshots.source = %(source)s::VARCHAR COLLATE "C"',
    "FORGET_SOURCE_STATE": 'DELETE FROM source_state WHERE source_state.name = %(name)s::VARCHAR COLLATE "C"',
    "FORGET_STATE": (
        'DELETE FROM resource_state WHERE resource_state.address = %(address)s::VARCHAR COLLATE "C"'
    ),
    "FORGET_SUSPENSION": 'DELETE FROM suspensions WHERE suspensions.object = %(object)s::VARCHAR COLLATE "C"',
    "FORGET_TARGET": 'DELETE FROM targets WHERE targets.name = %(name)s::VARCHAR COLLATE "C"',
    "FORGET_TARGET_STATE": 'DELETE FROM target_state WHERE target_state.name = %(name)s::VARCHAR COLLATE "C"',
    "FORGET_TURN": (
        'DELETE FROM rollout_turns WHERE rollout_turns.source = %(of)s::VARCHAR COLLATE "C" AND '
        'rollout_turns.rollout = %(by)s::VARCHAR COLLATE "C" AND rollout_turns.target = %(on)s::VARCHAR '
        'COLLATE "C"'
    ),
    "FORGET_TURNS": (
        'DELETE FROM rollout_turns WHERE rollout_turns.source = %(of)s::VARCHAR COLLATE "C" AND '
        'rollout_turns.rollout = %(by)s::VARCHAR COLLATE "C"'
    ),
    "FORGET_TURNS_OF_SOURCE": (
        'DELETE FROM rollout_turns WHERE rollout_turns.source = %(of)s::VARCHAR COLLATE "C"'
    ),
    "FORGET_WARM": "DELETE FROM warm",
    "HOUSEKEEPING": "SELECT housekeeping.at FROM housekeeping",
    "INCIDENTS": (
        "SELECT alert_incidents.alert, alert_incidents.object, alert_incidents.topic, "
        "alert_incidents.document FROM alert_incidents ORDER BY alert_incidents.alert, "
        "alert_incidents.object, alert_incidents.topic"
    ),
    "INVENTORY": (
        "SELECT inventory.ownership, inventory.digest, inventory.instance, inventory.recorded_at, "
        'inventory.preimage FROM inventory WHERE inventory.address >= %(low)s::VARCHAR COLLATE "C" AND '
        'inventory.address < %(high)s::VARCHAR COLLATE "C" ORDER BY inventory.address'
    ),
    "IN_DOUBT": (
        "SELECT plan_units.run, plan_units.address, plan_units.action, plan_units.cause, plan_units.diffs, "
        "plan_units.desired, plan_units.observed, plan_units.preimage, plan_units.outcome, "
        "plan_units.message, plan_units.preimage_at FROM plan_units WHERE plan_units.outcome IS NULL ORDER "
        "BY plan_units.run, plan_units.address"
    ),
    "LAST_EVENT": "SELECT max(events.id) AS max_1 FROM events",
    "LATEST_EVENTS": (
        "SELECT events.id, events.at, events.type, events.reason, events.object, events.message, "
        "events.cause, events.evidence, events.duration, events.data FROM events WHERE events.id > "
        '%(after)s::BIGINT AND events.at >= %(since)s AND (%(reason)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.reason = %(reason)s::VARCHAR COLLATE "C") AND (%(type)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.type = %(type)s::VARCHAR COLLATE "C") AND (%(cause)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.cause = %(cause)s::VARCHAR COLLATE "C") ORDER BY events.id DESC LIMIT %(limit)s'
    ),
    "LATEST_EVENTS_OF_OBJECT": (
        "SELECT events.id, events.at, events.type, events.reason, events.object, events.message, "
        "events.cause, events.evidence, events.duration, events.data FROM events WHERE events.id > "
        '%(after)s::BIGINT AND events.at >= %(since)s AND (%(reason)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.reason = %(reason)s::VARCHAR COLLATE "C") AND (%(type)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.type = %(type)s::VARCHAR COLLATE "C") AND (%(cause)s::VARCHAR COLLATE "C" IS NULL OR '
        'events.cause = %(cause)s::VARCHAR COLLATE "C") AND events.object >= %(low)s::VARCHAR COLLATE "C" '
        'AND events.object < %(high)s::VARCHAR COLLATE "C" ORDER BY events.id DESC LIMIT %(limit)s'
    ),
    "LEASE": (
        "SELECT lease.token, lease.host, lease.pid, lease.boot_id, lease.since, lease.expires, "
        "lease.locked, lease.store FROM lease"
    ),
    "LEAVE_SHARDS": "UPDATE shards SET member=0::BIGINT WHERE shards.member = %(number)s::BIGINT",
    "MEMBER": "SELECT members.number FROM members WHERE members.number = %(number)s::BIGINT",
    "MEMBERS": (
        "SELECT members.number, members.host, members.pid, members.boot_id, members.since FROM members "
        "ORDER BY members.number"
    ),
    "NEWEST_SHARD": "SELECT max(shards.token) AS max_1 FROM shards",
    "NEWEST_SNAPSHOT": (
        "SELECT snapshots.id, snapshots.source, snapshots.revision, snapshots.digest, snapshots.root, "
        "snapshots.left_out FROM snapshots WHERE snapshots.id = (SELECT max(newer.id) AS max_1 FROM "
        'snapshots AS newer WHERE newer.source = %(source)s::VARCHAR COLLATE "C")'
    ),
    "OWED": (
        "SELECT refresh_owed.address, refresh_owed.cause, refresh_owed.run, refresh_owed.before, "
        "refresh_owed.since, refresh_owed.certain FROM refresh_owed ORDER BY refresh_owed.address, "
        "refresh_owed.cause"
    ),
    "PUT_ALERT": (
        "INSERT INTO alerts (name, cursor, failures, error, next_try, sent, sent_at, dropped) VALUES "
        '(%(name)s::VARCHAR COLLATE "C", %(cursor)s::BIGINT, %(failures)s::INTEGER, %(error)s::VARCHAR '
        'COLLATE "C", %(next_try)s, %(sent)s::BIGINT, %(sent_at)s, %(dropped)s::BIGINT) ON CONFLICT (name) '
        "DO UPDATE SET cursor = excluded.cursor, failures = excluded.failures, error = excluded.error, "
        "next_try = excluded.next_try, sent = excluded.sent, sent_at = excluded.sent_at, dropped = "
        "excluded.dropped"
    ),
    "PUT_APPROVAL": (
        'INSERT INTO approvals (address, shown, by, reason, at) VALUES (%(address)s::VARCHAR COLLATE "C", '
        '%(shown)s::VARCHAR COLLATE "C", %(by)s::VARCHAR COLLATE "C", %(reason)s::VARCHAR COLLATE "C", '
        "%(at)s) ON CONFLICT (address) DO UPDATE SET shown = excluded.shown, by = excluded.by, reason = "
        "excluded.reason, at = excluded.at"
    ),
    "PUT_BLOB": (
        "INSERT INTO blobs (digest, size, data, created_at, used_at) VALUES (%(digest)s::VARCHAR COLLATE "
        '"C", %(size)s::BIGINT, %(data)s, %(created_at)s, %(used_at)s) ON CONFLICT (digest) DO UPDATE SET '
        "used_at = excluded.used_at"
    ),
    "PUT_DECISION": (
        'INSERT INTO decisions (source, digest, doubt, held) VALUES (%(source)s::VARCHAR COLLATE "C", '
        '%(digest)s::VARCHAR COLLATE "C", %(doubt)s::VARCHAR COLLATE "C", %(held)s::VARCHAR COLLATE "C") ON '
        "CONFLICT (source) DO UPDATE SET digest = excluded.digest, doubt = excluded.doubt, held = "
        "excluded.held"
    ),
    "PUT_DISRUPTION": (
        'INSERT INTO disruptions (target, cause, since) VALUES (%(target)s::VARCHAR COLLATE "C", '
        '%(cause)s::VARCHAR COLLATE "C", %(since)s) ON CONFLICT (target) DO UPDATE SET cause = '
        "excluded.cause, since = excluded.since"
    ),
    "PUT_FACTS": (
        'INSERT INTO facts (target, section, document, taken, cut) VALUES (%(target)s::VARCHAR COLLATE "C", '
        '%(section)s::VARCHAR COLLATE "C", %(document)s::VARCHAR COLLATE "C", %(taken)s, %(cut)s) ON '
        "CONFLICT (target, section) DO UPDATE SET document = excluded.document, taken = excluded.taken, cut "
        "= excluded.cut"
    ),
    "PUT_HOUSEKEEPING": (
        "INSERT INTO housekeeping (id, at) VALUES (%(id)s::INTEGER, %(at)s) ON CONFLICT (id) DO UPDATE SET "
        "at = excluded.at"
    ),
    "PUT_INCIDENT": (
        "INSERT INTO alert_incidents (alert, object, topic, document) VALUES (%(alert)s::VARCHAR COLLATE "
        '"C", %(object)s::VARCHAR COLLATE "C", %(topic)s::VARCHAR COLLATE "C", %(document)s::VARCHAR '
        'COLLATE "C") ON CONFLICT (alert, object, topic) DO UPDATE SET document = excluded.document'
    ),
    "PUT_INVENTORY": (
        "INSERT INTO inventory (address, ownership, digest, instance, recorded_at, body, preimage) VALUES "
        '(%(address)s::VARCHAR COLLATE "C", %(ownership)s::VARCHAR COLLATE "C", %(digest)s::VARCHAR COLLATE '
        '"C", %(instance)s::VARCHAR COLLATE "C", %(recorded_at)s, %(body)s::VARCHAR COLLATE "C", '
        '%(preimage)s::VARCHAR COLLATE "C") ON CONFLICT (address) DO UPDATE SET ownership = '
        "inventory.ownership, digest = excluded.digest, instance = excluded.instance, recorded_at = "
        "excluded.recorded_at, body = excluded.body, preimage = coalesce(inventory.preimage, "
        "excluded.preimage)"
    ),
    "PUT_LEASE": (
        "INSERT INTO lease (id, token, host, pid, boot_id, since, expires, locked, store) VALUES "
        '(%(id)s::INTEGER, %(token)s::BIGINT, %(host)s::VARCHAR COLLATE "C", %(pid)s::INTEGER, '
        '%(boot_id)s::VARCHAR COLLATE "C", %(since)s, %(expires)s, %(locked)s, %(store)s::VARCHAR COLLATE '
        '"C") ON CONFLICT (id) DO UPDATE SET token = excluded.token, host = excluded.host, pid = '
        "excluded.pid, boot_id = excluded.boot_id, since = excluded.since, expires = excluded.expires, "
        "locked = excluded.locked, store = excluded.store"
    ),
    "PUT_OWED": (
        "INSERT INTO refresh_owed (address, cause, run, before, since, certain) VALUES "
        '(%(address)s::VARCHAR COLLATE "C", %(cause)s::VARCHAR COLLATE "C", %(run)s::VARCHAR COLLATE "C", '
        '%(before)s::VARCHAR COLLATE "C", %(since)s, %(certain)s) ON CONFLICT (address, cause) DO UPDATE '
        "SET run = excluded.run, before = excluded.before, since = excluded.since, certain = "
        "excluded.certain"
    ),
    "PUT_QUEUED": (
        'INSERT INTO queue (target, priority, dirty, added_at) VALUES (%(target)s::VARCHAR COLLATE "C", '
        '%(priority)s::INTEGER, %(dirty)s::VARCHAR COLLATE "C", %(added_at)s) ON CONFLICT (target) DO '
        "UPDATE SET priority = excluded.priority, dirty = excluded.dirty, added_at = excluded.added_at"
    ),
    "PUT_ROLLBACK": (
        "INSERT INTO rollbacks (source, snapshot, by, reason, since, until) VALUES (%(source)s::VARCHAR "
        'COLLATE "C", %(snapshot)s::BIGINT, %(by)s::VARCHAR COLLATE "C", %(reason)s::VARCHAR COLLATE "C", '
        "%(since)s, %(until)s) ON CONFLICT (source) DO UPDATE SET snapshot = excluded.snapshot, by = "
        "excluded.by, reason = excluded.reason, since = excluded.since, until = excluded.until"
    ),
    "PUT_ROLLOUT": (
        'INSERT INTO rollouts (source, name, document) VALUES (%(source)s::VARCHAR COLLATE "C", '
        '%(name)s::VARCHAR COLLATE "C", %(document)s::VARCHAR COLLATE "C") ON CONFLICT (source, name) DO '
        "UPDATE SET document = excluded.document"
    ),
    "PUT_SHARD": (
        "INSERT INTO shards (shard, member, token) VALUES (%(shard)s::INTEGER, %(member)s::BIGINT, "
        "%(token)s::BIGINT) ON CONFLICT (shard) DO UPDATE SET member = excluded.member, token = "
        "excluded.token"
    ),
    "PUT_SOURCE_STATE": (
        "INSERT INTO source_state (name, conditions, revision, digest, problems, degraded) VALUES "
        '(%(name)s::VARCHAR COLLATE "C", %(conditions)s::VARCHAR COLLATE "C", %(revision)s::VARCHAR COLLATE '
        '"C", %(digest)s::VARCHAR COLLATE "C", %(problems)s::VARCHAR COLLATE "C", %(degraded)s::VARCHAR '
        'COLLATE "C") ON CONFLICT (name) DO UPDATE SET conditions = excluded.conditions, revision = '
        "excluded.revision, digest = excluded.digest, problems = excluded.problems, degraded = "
        "excluded.degraded"
    ),
    "PUT_STATE": (
        "INSERT INTO resource_state (address, generation, digest, observed_generation, observed, "
        "observed_at, owned, conditions, history, failures, source, held, declared) VALUES "
        '(%(address)s::VARCHAR COLLATE "C", %(generation)s::INTEGER, %(digest)s::VARCHAR COLLATE "C", '
        '%(observed_generation)s::INTEGER, %(observed)s::VARCHAR COLLATE "C", %(observed_at)s, %(owned)s, '
        '%(conditions)s::VARCHAR COLLATE "C", %(history)s::VARCHAR COLLATE "C", %(failures)s::INTEGER, '
        '%(source)s::VARCHAR COLLATE "C", %(held)s::VARCHAR COLLATE "C", %(declared)s::VARCHAR COLLATE "C") '
        "ON CONFLICT (address) DO UPDATE SET generation = excluded.generation, digest = excluded.digest, "
        "observed_generation = excluded.observed_generation, observed = excluded.observed, observed_at = "
        "excluded.observed_at, owned = excluded.owned, conditions = excluded.conditions, history = "
        "excluded.history, failures = excluded.failures, source = excluded.source, held = excluded.held, "
        "declared = excluded.declared"
    ),
    "PUT_SUSPENSION": (
        "INSERT INTO suspensions (object, by, reason, since, until) VALUES (%(object)s::VARCHAR COLLATE "
        '"C", %(by)s::VARCHAR COLLATE "C", %(reason)s::VARCHAR COLLATE "C", %(since)s, %(until)s) ON '
        "CONFLICT (object) DO UPDATE SET by = excluded.by, reason = excluded.reason, since = "
        "excluded.since, until = excluded.until"
    ),
    "PUT_TARGET": (
        'INSERT INTO targets (name, document) VALUES (%(name)s::VARCHAR COLLATE "C", %(document)s::VARCHAR '
        'COLLATE "C") ON CONFLICT (name) DO UPDATE SET document = excluded.document'
    ),
    "PUT_TARGET_STATE": (
        "INSERT INTO target_state (name, conditions, connected_since) VALUES (%(name)s::VARCHAR COLLATE "
        '"C", %(conditions)s::VARCHAR COLLATE "C", %(connected_since)s) ON CONFLICT (name) DO UPDATE SET '
        "conditions = excluded.conditions, connected_since = excluded.connected_since"
    ),
    "PUT_TURN": (
        "INSERT INTO rollout_turns (source, rollout, target, snapshot, document) VALUES "
        '(%(source)s::VARCHAR COLLATE "C", %(rollout)s::VARCHAR COLLATE "C", %(target)s::VARCHAR COLLATE '
        '"C", %(snapshot)s::BIGINT, %(document)s::VARCHAR COLLATE "C") ON CONFLICT (source, rollout, '
        "target) DO UPDATE SET snapshot = excluded.snapshot, document = excluded.document"
    ),
    "PUT_UNIT": (
        "INSERT INTO plan_units (run, address, action, cause, diffs, desired, observed, preimage, outcome, "
        'message, preimage_at) VALUES (%(run)s::VARCHAR COLLATE "C", %(address)s::VARCHAR COLLATE "C", '
        '%(action)s::VARCHAR COLLATE "C", %(cause)s::VARCHAR COLLATE "C", %(diffs)s::VARCHAR COLLATE "C", '
        '%(desired)s::VARCHAR COLLATE "C", %(observed)s::VARCHAR COLLATE "C", %(preimage)s::VARCHAR COLLATE '
        '"C", %(outcome)s::VARCHAR COLLATE "C", %(message)s::VARCHAR COLLATE "C", %(preimage_at)s::VARCHAR '
        'COLLATE "C") ON CONFLICT (run, address) DO UPDATE SET action = excluded.action, cause = '
        "excluded.cause, diffs = excluded.diffs, desired = excluded.desired, observed = excluded.observed, "
        "preimage = excluded.preimage, outcome = excluded.outcome, message = excluded.message, preimage_at "
        "= excluded.preimage_at"
    ),
    "PUT_WARM": (
        "INSERT INTO warm (id, document) VALUES (%(id)s::INTEGER, %(document)s) ON CONFLICT (id) DO UPDATE "
        "SET document = excluded.document"
    ),
    "QUEUE": (
        "SELECT queue.target, queue.priority, queue.dirty, queue.added_at FROM queue ORDER BY "
        "queue.priority DESC, queue.added_at, queue.target"
    ),
    "REVISIONS": (
        "SELECT snapshots.id, snapshots.source, snapshots.revision, snapshots.digest, snapshots.taken_at, "
        "(SELECT count(*) AS count_1 FROM snapshot_files WHERE snapshot_files.snapshot = snapshots.id) AS "
        "files FROM snapshots ORDER BY snapshots.source, snapshots.id"
    ),
    "ROLLBACKS": (
        "SELECT rollbacks.source, rollbacks.snapshot, rollbacks.by, rollbacks.reason, rollbacks.since, "
        "rollbacks.until, snapshots.revision, snapshots.digest FROM rollbacks JOIN snapshots ON "
        "snapshots.id = rollbacks.snapshot ORDER BY rollbacks.source"
    ),
    "ROLLOUTS": (
        "SELECT rollouts.source, rollouts.name, rollouts.document FROM rollouts ORDER BY rollouts.source, "
        "rollouts.name"
    ),
    "RUNS": (
        "SELECT runs.id, runs.target, runs.cause, runs.revision, runs.started_at, runs.finished_at, "
        "runs.outcome, runs.message, (SELECT count(*) AS count_1 FROM plan_units WHERE plan_units.run = "
        "runs.id) AS units FROM runs ORDER BY runs.id DESC LIMIT %(limit)s"
    ),
    "RUNS_OF_TARGET": (
        "SELECT runs.id, runs.target, runs.cause, runs.revision, runs.started_at, runs.finished_at, "
        "runs.outcome, runs.message, (SELECT count(*) AS count_1 FROM plan_units WHERE plan_units.run = "
        'runs.id) AS units FROM runs WHERE runs.target = %(of)s::VARCHAR COLLATE "C" ORDER BY runs.id DESC '
        "LIMIT %(limit)s"
    ),
    "SETTLE_UNIT": (
        'UPDATE plan_units SET outcome=%(outcome)s::VARCHAR COLLATE "C", message=%(message)s::VARCHAR '
        'COLLATE "C" WHERE plan_units.run = %(of)s::VARCHAR COLLATE "C" AND plan_units.address = '
        '%(instance)s::VARCHAR COLLATE "C"'
    ),
    "SHARDS": "SELECT shards.shard, shards.member, shards.token FROM shards ORDER BY shards.shard",
    "SIZES_OF_RUNS": (
        "SELECT runs.id, (SELECT count(*) AS count_1 FROM plan_units WHERE plan_units.run = runs.id) AS "
        'units FROM runs WHERE runs.id < %(below)s::VARCHAR COLLATE "C" ORDER BY runs.id DESC LIMIT '
        "%(most)s"
    ),
    "SNAPSHOT": (
        "SELECT snapshots.id, snapshots.source, snapshots.revision, snapshots.digest, snapshots.root, "
        "snapshots.left_out FROM snapshots WHERE snapshots.id = %(number)s::BIGINT"
    ),
    "SNAPSHOT_FILES": (
        "SELECT snapshot_files.path, snapshot_files.digest, snapshot_files.executable, blobs.size, CASE "
        "WHEN (blobs.size <= 32768::BIGINT) THEN blobs.data END AS anon_1 FROM snapshot_files JOIN blobs ON "
        "blobs.digest = snapshot_files.digest WHERE snapshot_files.snapshot = %(snapshot)s::BIGINT ORDER BY "
        "snapshot_files.path"
    ),
    "SNAPSHOT_IN_FORCE": (
        "SELECT snapshots.id, snapshots.source, snapshots.revision, snapshots.digest, snapshots.root, "
        "snapshots.left_out FROM snapshots WHERE snapshots.id = coalesce((SELECT rollbacks.snapshot FROM "
        'rollbacks WHERE rollbacks.source = %(source)s::VARCHAR COLLATE "C"), (SELECT max(newer.id) AS '
        'max_1 FROM snapshots AS newer WHERE newer.source = %(source)s::VARCHAR COLLATE "C"))'
    ),
    "SOURCE_STATES": (
        "SELECT source_state.name, source_state.conditions, source_state.revision, source_state.digest, "
        "source_state.problems, source_state.degraded FROM source_state"
    ),
    "SPENT_RUNS": (
        "SELECT runs.id FROM runs WHERE runs.finished_at IS NOT NULL AND (runs.id <= %(up_to)s::VARCHAR "
        'COLLATE "C" OR runs.started_at < %(before)s) AND NOT (EXISTS (SELECT * FROM plan_units WHERE '
        "plan_units.run = runs.id AND plan_units.outcome IS NULL)) AND NOT (EXISTS (SELECT * FROM "
        "plan_units WHERE plan_units.run = runs.id AND plan_units.preimage IS NOT NULL AND "
        "(plan_units.outcome IS NULL OR plan_units.outcome = 'Abandoned' OR plan_units.outcome = 'Pending' "
        "OR plan_units.outcome = 'Unreachable') AND ((plan_units.address NOT IN (SELECT inventory.address "
        "FROM inventory)) OR plan_units.cause = 'adopt' AND (plan_units.address NOT IN (SELECT "
        "inventory.address FROM inventory WHERE inventory.preimage IS NOT NULL))))) ORDER BY runs.id LIMIT "
        "%(most)s"
    ),
    "STATES": (
        "SELECT resource_state.address, resource_state.generation, resource_state.digest, "
        "resource_state.observed_generation, resource_state.observed, resource_state.observed_at, "
        "resource_state.owned, resource_state.conditions, resource_state.history, resource_state.failures, "
        "resource_state.source, resource_state.held, resource_state.declared FROM resource_state WHERE "
        'resource_state.address >= %(low)s::VARCHAR COLLATE "C" AND resource_state.address < '
        '%(high)s::VARCHAR COLLATE "C"'
    ),
    "SURPLUS_SNAPSHOT": (
        "SELECT snapshots.id FROM snapshots WHERE snapshots.id <= (SELECT newer.id FROM snapshots AS newer "
        "WHERE newer.source = snapshots.source ORDER BY newer.id DESC LIMIT 1::INTEGER OFFSET %(keep)s) AND "
        "(snapshots.id NOT IN (SELECT rollbacks.snapshot FROM rollbacks)) AND NOT (EXISTS (SELECT * FROM "
        "rollout_turns WHERE rollout_turns.snapshot = snapshots.id)) ORDER BY snapshots.id LIMIT 1::INTEGER"
    ),
    "SUSPENSIONS": (
        "SELECT suspensions.object, suspensions.by, suspensions.reason, suspensions.since, "
        "suspensions.until FROM suspensions ORDER BY suspensions.object"
    ),
    "TARGETS": "SELECT targets.name, targets.document FROM targets",
    "TARGET_STATES": (
        "SELECT target_state.name, target_state.conditions, target_state.connected_since FROM target_state"
    ),
    "TURNS": (
        "SELECT rollout_turns.source, rollout_turns.rollout, rollout_turns.target, rollout_turns.snapshot, "
        "rollout_turns.document FROM rollout_turns ORDER BY rollout_turns.source, rollout_turns.rollout, "
        "rollout_turns.target"
    ),
    "UNCLAIMED_PREIMAGES": (
        "SELECT plan_units.address, coalesce(plan_units.preimage, '') AS coalesce_1, plan_units.preimage_at "
        "FROM plan_units WHERE (plan_units.preimage IS NOT NULL OR plan_units.action = 'create') AND "
        "(plan_units.outcome IS NULL OR plan_units.outcome = 'Abandoned' OR plan_units.outcome = 'Pending' "
        "OR plan_units.outcome = 'Unreachable') AND ((plan_units.address NOT IN (SELECT inventory.address "
        "FROM inventory)) OR plan_units.cause = 'adopt' AND (plan_units.address NOT IN (SELECT "
        "inventory.address FROM inventory WHERE inventory.preimage IS NOT NULL))) ORDER BY plan_units.run "
        "DESC, plan_units.address"
    ),
    "UNFINISHED_RUNS": (
        "SELECT runs.id, runs.target, runs.cause, runs.revision, runs.started_at, runs.finished_at, "
        "runs.outcome, runs.message, (SELECT count(*) AS count_1 FROM plan_units WHERE plan_units.run = "
        "runs.id) AS units FROM runs WHERE runs.finished_at IS NULL ORDER BY runs.id"
    ),
    "UNITS": (
        "SELECT plan_units.run, plan_units.address, plan_units.action, plan_units.cause, plan_units.diffs, "
        "plan_units.desired, plan_units.observed, plan_units.preimage, plan_units.outcome, "
        "plan_units.message, plan_units.preimage_at FROM plan_units WHERE plan_units.run = %(run)s::VARCHAR "
        'COLLATE "C" ORDER BY plan_units.address'
    ),
}
