"""Made by `python -m reconciler.store.compiler` Do not edit."""

SCHEMA = (
    (
        "CREATE TABLE alert_incidents ( alert TEXT NOT NULL, object TEXT NOT NULL, topic TEXT NOT NULL, "
        "document TEXT NOT NULL, CONSTRAINT pk_alert_incidents PRIMARY KEY (alert, object, topic) ) WITHOUT "
        "ROWID"
    ),
    (
        "CREATE TABLE alert_outbox ( number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, "
        "alert TEXT NOT NULL, document TEXT NOT NULL )"
    ),
    (
        "CREATE TABLE alerts ( name TEXT NOT NULL, cursor BIGINT NOT NULL, failures INTEGER NOT NULL, error "
        "TEXT NOT NULL, next_try FLOAT NOT NULL, sent BIGINT NOT NULL, sent_at FLOAT NOT NULL, dropped "
        "BIGINT NOT NULL, CONSTRAINT pk_alerts PRIMARY KEY (name) )"
    ),
    (
        'CREATE TABLE approvals ( address TEXT NOT NULL, shown TEXT NOT NULL, "by" TEXT NOT NULL, reason '
        "TEXT NOT NULL, at FLOAT NOT NULL, CONSTRAINT pk_approvals PRIMARY KEY (address) )"
    ),
    (
        "CREATE TABLE audit ( id INTEGER NOT NULL, at FLOAT NOT NULL, actor TEXT NOT NULL, action TEXT NOT "
        "NULL, object TEXT NOT NULL, data TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL, "
        "CONSTRAINT pk_audit PRIMARY KEY (id) )"
    ),
    (
        "CREATE TABLE blobs ( digest TEXT NOT NULL, size BIGINT NOT NULL, data BLOB, created_at FLOAT NOT "
        "NULL, used_at FLOAT NOT NULL, CONSTRAINT pk_blobs PRIMARY KEY (digest) )"
    ),
    (
        "CREATE TABLE decisions ( source TEXT NOT NULL, digest TEXT NOT NULL, doubt TEXT NOT NULL, held "
        "TEXT NOT NULL, CONSTRAINT pk_decisions PRIMARY KEY (source) )"
    ),
    (
        "CREATE TABLE disruptions ( target TEXT NOT NULL, cause TEXT NOT NULL, since FLOAT NOT NULL, "
        "CONSTRAINT pk_disruptions PRIMARY KEY (target) ) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE events ( id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, at FLOAT NOT NULL, type TEXT "
        "NOT NULL, reason TEXT NOT NULL, object TEXT NOT NULL, message TEXT NOT NULL, cause TEXT NOT NULL, "
        "evidence TEXT, duration FLOAT, data TEXT NOT NULL )"
    ),
    (
        "CREATE TABLE facts ( target TEXT NOT NULL, section TEXT NOT NULL, document TEXT NOT NULL, taken "
        "FLOAT NOT NULL, cut BOOLEAN NOT NULL, CONSTRAINT pk_facts PRIMARY KEY (target, section) ) WITHOUT "
        "ROWID"
    ),
    (
        "CREATE TABLE housekeeping ( id INTEGER NOT NULL CONSTRAINT ck_housekeeping_one CHECK (id = 1), at "
        "FLOAT NOT NULL, CONSTRAINT pk_housekeeping PRIMARY KEY (id) )"
    ),
    (
        "CREATE TABLE lease ( id INTEGER NOT NULL CONSTRAINT ck_lease_one CHECK (id = 1), token BIGINT NOT "
        "NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, boot_id TEXT NOT NULL, since FLOAT NOT NULL, "
        "expires FLOAT NOT NULL, locked BOOLEAN NOT NULL, store TEXT DEFAULT '' NOT NULL, CONSTRAINT "
        "pk_lease PRIMARY KEY (id) )"
    ),
    (
        "CREATE TABLE members ( number BIGINT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, boot_id "
        "TEXT NOT NULL, since FLOAT NOT NULL, CONSTRAINT pk_members PRIMARY KEY (number) )"
    ),
    (
        "CREATE TABLE queue ( target TEXT NOT NULL, priority INTEGER NOT NULL, dirty TEXT NOT NULL, "
        "added_at FLOAT NOT NULL, CONSTRAINT pk_queue PRIMARY KEY (target) ) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE refresh_owed ( address TEXT NOT NULL, cause TEXT NOT NULL, run TEXT NOT NULL, "
        '"before" TEXT NOT NULL, since FLOAT NOT NULL, certain BOOLEAN NOT NULL, CONSTRAINT pk_refresh_owed '
        "PRIMARY KEY (address, cause) ) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE resource_state ( address TEXT NOT NULL, generation INTEGER NOT NULL, digest TEXT NOT "
        "NULL, observed_generation INTEGER NOT NULL, observed TEXT, observed_at FLOAT NOT NULL, owned "
        "BOOLEAN NOT NULL, conditions TEXT NOT NULL, history TEXT NOT NULL, failures INTEGER NOT NULL, "
        "source TEXT DEFAULT '' NOT NULL, held TEXT, declared TEXT DEFAULT '[]' NOT NULL, CONSTRAINT "
        "pk_resource_state PRIMARY KEY (address) ) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE rollouts ( source TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, "
        "CONSTRAINT pk_rollouts PRIMARY KEY (source, name) )"
    ),
    (
        "CREATE TABLE runs ( id TEXT NOT NULL, target TEXT NOT NULL, cause TEXT NOT NULL, revision TEXT NOT "
        "NULL, started_at FLOAT NOT NULL, finished_at FLOAT, outcome TEXT NOT NULL, message TEXT NOT NULL, "
        "CONSTRAINT pk_runs PRIMARY KEY (id) ) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE shards ( shard INTEGER NOT NULL, member BIGINT NOT NULL, token BIGINT NOT NULL, "
        "CONSTRAINT pk_shards PRIMARY KEY (shard) )"
    ),
    (
        "CREATE TABLE snapshots ( id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, "
        "revision TEXT NOT NULL, digest TEXT NOT NULL, root TEXT NOT NULL, left_out TEXT NOT NULL, taken_at "
        "FLOAT NOT NULL )"
    ),
    (
        "CREATE TABLE source_state ( name TEXT NOT NULL, conditions TEXT NOT NULL, revision TEXT NOT NULL, "
        "digest TEXT NOT NULL, problems TEXT NOT NULL, degraded TEXT NOT NULL, CONSTRAINT pk_source_state "
        "PRIMARY KEY (name) )"
    ),
    (
        'CREATE TABLE suspensions ( object TEXT NOT NULL, "by" TEXT NOT NULL, reason TEXT NOT NULL, since '
        "FLOAT NOT NULL, until FLOAT, CONSTRAINT pk_suspensions PRIMARY KEY (object) )"
    ),
    (
        "CREATE TABLE target_state ( name TEXT NOT NULL, conditions TEXT NOT NULL, connected_since FLOAT, "
        "CONSTRAINT pk_target_state PRIMARY KEY (name) )"
    ),
    (
        "CREATE TABLE targets ( name TEXT NOT NULL, document TEXT NOT NULL, CONSTRAINT pk_targets PRIMARY "
        "KEY (name) )"
    ),
    (
        "CREATE TABLE warm ( id INTEGER NOT NULL CONSTRAINT ck_warm_one CHECK (id = 1), document BLOB NOT "
        "NULL, CONSTRAINT pk_warm PRIMARY KEY (id) )"
    ),
    (
        "CREATE TABLE inventory ( address TEXT NOT NULL, ownership TEXT NOT NULL, digest TEXT NOT NULL, "
        "instance TEXT NOT NULL, recorded_at FLOAT NOT NULL, body TEXT, preimage TEXT, CONSTRAINT "
        "pk_inventory PRIMARY KEY (address), CONSTRAINT fk_inventory_preimage FOREIGN KEY(preimage) "
        "REFERENCES blobs (digest) )"
    ),
    (
        "CREATE TABLE plan_units ( run TEXT NOT NULL, address TEXT NOT NULL, action TEXT NOT NULL, cause "
        "TEXT NOT NULL, diffs TEXT NOT NULL, desired TEXT NOT NULL, observed TEXT NOT NULL, preimage TEXT, "
        "outcome TEXT, message TEXT NOT NULL, preimage_at TEXT DEFAULT '' NOT NULL, CONSTRAINT "
        "pk_plan_units PRIMARY KEY (run, address), CONSTRAINT fk_plan_units_run FOREIGN KEY(run) REFERENCES "
        "runs (id) ON DELETE CASCADE, CONSTRAINT fk_plan_units_preimage FOREIGN KEY(preimage) REFERENCES "
        "blobs (digest) ) WITHOUT ROWID"
    ),
    (
        'CREATE TABLE rollbacks ( source TEXT NOT NULL, snapshot INTEGER NOT NULL, "by" TEXT NOT NULL, '
        "reason TEXT NOT NULL, since FLOAT NOT NULL, until FLOAT, CONSTRAINT pk_rollbacks PRIMARY KEY "
        "(source), CONSTRAINT fk_rollbacks_snapshot FOREIGN KEY(snapshot) REFERENCES snapshots (id) )"
    ),
    (
        "CREATE TABLE rollout_turns ( source TEXT NOT NULL, rollout TEXT NOT NULL, target TEXT NOT NULL, "
        "snapshot INTEGER, document TEXT NOT NULL, CONSTRAINT pk_rollout_turns PRIMARY KEY (source, "
        "rollout, target), CONSTRAINT fk_rollout_turns_snapshot FOREIGN KEY(snapshot) REFERENCES snapshots "
        "(id) ) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE snapshot_files ( snapshot INTEGER NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL, "
        "executable BOOLEAN DEFAULT '0' NOT NULL, CONSTRAINT pk_snapshot_files PRIMARY KEY (snapshot, "
        "path), CONSTRAINT fk_snapshot_files_snapshot FOREIGN KEY(snapshot) REFERENCES snapshots (id) ON "
        "DELETE CASCADE, CONSTRAINT fk_snapshot_files_digest FOREIGN KEY(digest) REFERENCES blobs (digest) "
        ") WITHOUT ROWID"
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
        "CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is "
        "append-only'); END"
    ),
    (
        "CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is "
        "append-only'); END"
    ),
    (
        "CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is "
        "append-only'); END"
    ),
    (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc "
        "PRIMARY KEY (version_num))"
    ),
    "INSERT INTO alembic_version VALUES ('0015')",
)

STATEMENTS = {
    "ADD_ALERT_MESSAGE": "INSERT INTO alert_outbox (id, alert, document) VALUES (:id, :alert, :document)",
    "ADD_AUDIT": (
        "INSERT INTO audit (id, at, actor, action, object, data, previous, hash) VALUES (:id, :at, :actor, "
        ":action, :object, :data, :previous, :hash)"
    ),
    "ADD_EARLIER_SNAPSHOT": (
        "INSERT INTO snapshots (id, source, revision, digest, root, left_out, taken_at) VALUES (:id, "
        ":source, :revision, :digest, :root, :left_out, :taken_at)"
    ),
    "ADD_EVENT": (
        "INSERT INTO events (at, type, reason, object, message, cause, evidence, duration, data) VALUES "
        "(:at, :type, :reason, :object, :message, :cause, :evidence, :duration, :data)"
    ),
    "ADD_MEMBER": (
        "INSERT INTO members (number, host, pid, boot_id, since) VALUES (:number, :host, :pid, :boot_id, "
        ":since)"
    ),
    "ADD_RUN": (
        "INSERT INTO runs (id, target, cause, revision, started_at, finished_at, outcome, message) VALUES "
        "(:id, :target, :cause, :revision, :started_at, :finished_at, :outcome, :message)"
    ),
    "ADD_SNAPSHOT": (
        "INSERT INTO snapshots (source, revision, digest, root, left_out, taken_at) VALUES (:source, "
        ":revision, :digest, :root, :left_out, :taken_at)"
    ),
    "ADD_SNAPSHOT_FILE": (
        "INSERT INTO snapshot_files (snapshot, path, digest, executable) VALUES (:snapshot, :path, :digest, "
        ":executable)"
    ),
    "AGED_BLOBS": (
        "SELECT blobs.used_at, blobs.digest, blobs.size, blobs.data IS NULL AS anon_1, NOT (EXISTS (SELECT "
        "* FROM snapshot_files WHERE snapshot_files.digest = blobs.digest)) AND NOT (EXISTS (SELECT * FROM "
        "inventory WHERE inventory.preimage = blobs.digest)) AND NOT (EXISTS (SELECT * FROM plan_units "
        "WHERE plan_units.preimage = blobs.digest)) AND NOT (EXISTS (SELECT * FROM inventory WHERE "
        "inventory.body = blobs.digest)) AS anon_2 FROM blobs WHERE blobs.used_at < :before AND "
        "blobs.used_at >= :at AND (blobs.used_at > :at OR blobs.digest > :after) ORDER BY blobs.used_at, "
        "blobs.digest LIMIT :most OFFSET 0"
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
        'SELECT approvals.address, approvals.shown, approvals."by", approvals.reason, approvals.at FROM '
        "approvals ORDER BY approvals.address"
    ),
    "AUDIT": (
        "SELECT audit.id, audit.at, audit.actor, audit.action, audit.object, audit.data, audit.previous, "
        "audit.hash FROM audit WHERE audit.id > :after ORDER BY audit.id LIMIT :limit OFFSET 0"
    ),
    "AUDIT_HEAD": "SELECT audit.id, audit.hash FROM audit ORDER BY audit.id DESC LIMIT 1 OFFSET 0",
    "BLOB": (
        "SELECT blobs.size, CASE WHEN (blobs.size <= 32768) THEN blobs.data END AS anon_1 FROM blobs WHERE "
        "blobs.digest = :digest"
    ),
    "BLOB_BYTES": "SELECT coalesce(sum(blobs.size), 0) AS coalesce_1 FROM blobs",
    "BLOB_SIZE": "SELECT blobs.size FROM blobs WHERE blobs.digest = :digest",
    "BODY": "SELECT blobs.data FROM blobs WHERE blobs.digest = :digest",
    "DECISIONS": (
        "SELECT decisions.source, decisions.digest, decisions.doubt, decisions.held FROM decisions ORDER BY "
        "decisions.source"
    ),
    "DISRUPTIONS": (
        "SELECT disruptions.target, disruptions.cause, disruptions.since FROM disruptions ORDER BY "
        "disruptions.since, disruptions.target"
    ),
    "DROP_BLOB": "DELETE FROM blobs WHERE blobs.digest = :digest",
    "DROP_EVENTS": (
        "DELETE FROM events WHERE events.id IN (SELECT anon_1.id FROM (SELECT events.id AS id, events.at AS "
        "at FROM events ORDER BY events.id LIMIT :most OFFSET 0) AS anon_1 WHERE anon_1.id <= :up_to OR "
        "anon_1.at < :before)"
    ),
    "DROP_RUN": "DELETE FROM runs WHERE runs.id = :of",
    "DROP_SNAPSHOT": "DELETE FROM snapshots WHERE snapshots.id = :of",
    "DROP_SNAPSHOT_FILES": (
        "DELETE FROM snapshot_files WHERE snapshot_files.snapshot = :of AND snapshot_files.path IN (SELECT "
        "snapshot_files.path FROM snapshot_files WHERE snapshot_files.snapshot = :of ORDER BY "
        "snapshot_files.path LIMIT :most OFFSET 0)"
    ),
    "DROP_UNITS": (
        "DELETE FROM plan_units WHERE plan_units.run = :of AND plan_units.address IN (SELECT "
        "plan_units.address FROM plan_units WHERE plan_units.run = :of ORDER BY plan_units.address LIMIT "
        ":most OFFSET 0)"
    ),
    "EARLIER_SNAPSHOT": (
        "SELECT snapshots.revision FROM snapshots WHERE snapshots.source = :source AND snapshots.digest = "
        ":digest AND snapshots.id < (SELECT max(newer.id) AS max_1 FROM snapshots AS newer WHERE "
        "newer.source = :source) LIMIT 1 OFFSET 0"
    ),
    "EVENTS": (
        "SELECT events.id, events.at, events.type, events.reason, events.object, events.message, "
        "events.cause, events.evidence, events.duration, events.data FROM events WHERE events.id > :after "
        "AND events.at >= :since AND (:reason IS NULL OR events.reason = :reason) AND (:type IS NULL OR "
        "events.type = :type) AND (:cause IS NULL OR events.cause = :cause) ORDER BY events.id LIMIT :limit "
        "OFFSET 0"
    ),
    "EVENTS_OF_OBJECT": (
        "SELECT events.id, events.at, events.type, events.reason, events.object, events.message, "
        "events.cause, events.evidence, events.duration, events.data FROM events WHERE events.id > :after "
        "AND events.at >= :since AND (:reason IS NULL OR events.reason = :reason) AND (:type IS NULL OR "
        "events.type = :type) AND (:cause IS NULL OR events.cause = :cause) AND events.object >= :low AND "
        "events.object < :high ORDER BY events.id LIMIT :limit OFFSET 0"
    ),
    "FACTS": (
        "SELECT facts.target, facts.section, facts.document, facts.taken, facts.cut FROM facts ORDER BY "
        "facts.target, facts.section"
    ),
    "FACTS_TAKEN": "SELECT facts.target, max(facts.taken) AS max_1 FROM facts GROUP BY facts.target",
    "FINISH_RUN": (
        "UPDATE runs SET finished_at=:finished_at, outcome=:outcome, message=:message WHERE runs.id = :run"
    ),
    "FIRST_SNAPSHOT": "SELECT min(snapshots.id) AS min_1 FROM snapshots",
    "FORGET_ALERT": "DELETE FROM alerts WHERE alerts.name = :alert",
    "FORGET_ALERT_MESSAGE": "DELETE FROM alert_outbox WHERE alert_outbox.id = :message",
    "FORGET_ALERT_MESSAGES": "DELETE FROM alert_outbox WHERE alert_outbox.alert = :of",
    "FORGET_APPROVAL": "DELETE FROM approvals WHERE approvals.address = :address",
    "FORGET_DECISION": "DELETE FROM decisions WHERE decisions.source = :source",
    "FORGET_DISRUPTION": "DELETE FROM disruptions WHERE disruptions.target = :target",
    "FORGET_FACTS": "DELETE FROM facts WHERE facts.target = :target",
    "FORGET_INCIDENT": (
        "DELETE FROM alert_incidents WHERE alert_incidents.alert = :of AND alert_incidents.object = :about "
        "AND alert_incidents.topic = :which"
    ),
    "FORGET_INCIDENTS": "DELETE FROM alert_incidents WHERE alert_incidents.alert = :of",
    "FORGET_INVENTORY": "DELETE FROM inventory WHERE inventory.address = :address",
    "FORGET_MEMBER": "DELETE FROM members WHERE members.number = :number",
    "FORGET_OWED": (
        "DELETE FROM refresh_owed WHERE refresh_owed.address = :refreshed AND refresh_owed.cause = :because"
    ),
    "FORGET_QUEUED": "DELETE FROM queue WHERE queue.target = :target AND queue.added_at <= :up_to",
    "FORGET_ROLLBACK": "DELETE FROM rollbacks WHERE rollbacks.source = :source",
    "FORGET_ROLLOUT": "DELETE FROM rollouts WHERE rollouts.source = :of AND rollouts.name = :by",
    "FORGET_ROLLOUTS": "DELETE FROM rollouts WHERE rollouts.source = :of",
    "FORGET_SNAPSHOTS": "DELETE FROM snapshots WHERE snapshots.source = :source",
    "FORGET_SOURCE_STATE": "DELETE FROM source_state WHERE source_state.name = :name",
    "FORGET_STATE": "DELETE FROM resource_state WHERE resource_state.address = :address",
    "FORGET_SUSPENSION": "DELETE FROM suspensions WHERE suspensions.object = :object",
    "FORGET_TARGET": "DELETE FROM targets WHERE targets.name = :name",
    "FORGET_TARGET_STATE": "DELETE FROM target_state WHERE target_state.name = :name",
    "FORGET_TURN": (
        "DELETE FROM rollout_turns WHERE rollout_turns.source = :of AND rollout_turns.rollout = :by AND "
        "rollout_turns.target = :on"
    ),
    "FORGET_TURNS": (
        "DELETE FROM rollout_turns WHERE rollout_turns.source = :of AND rollout_turns.rollout = :by"
    ),
    "FORGET_TURNS_OF_SOURCE": "DELETE FROM rollout_turns WHERE rollout_turns.source = :of",
    "FORGET_WARM": "DELETE FROM warm",
    "HOUSEKEEPING": "SELECT housekeeping.at FROM housekeeping",
    "INCIDENTS": (
        "SELECT alert_incidents.alert, alert_incidents.object, alert_incidents.topic, "
        "alert_incidents.document FROM alert_incidents ORDER BY alert_incidents.alert, "
        "alert_incidents.object, alert_incidents.topic"
    ),
    "INVENTORY": (
        "SELECT inventory.ownership, inventory.digest, inventory.instance, inventory.recorded_at, "
        "inventory.preimage FROM inventory WHERE inventory.address >= :low AND inventory.address < :high "
        "ORDER BY inventory.address"
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
        "events.cause, events.evidence, events.duration, events.data FROM events WHERE events.id > :after "
        "AND events.at >= :since AND (:reason IS NULL OR events.reason = :reason) AND (:type IS NULL OR "
        "events.type = :type) AND (:cause IS NULL OR events.cause = :cause) ORDER BY events.id DESC LIMIT "
        ":limit OFFSET 0"
    ),
    "LATEST_EVENTS_OF_OBJECT": (
        "SELECT events.id, events.at, events.type, events.reason, events.object, events.message, "
        "events.cause, events.evidence, events.duration, events.data FROM events WHERE events.id > :after "
        "AND events.at >= :since AND (:reason IS NULL OR events.reason = :reason) AND (:type IS NULL OR "
        "events.type = :type) AND (:cause IS NULL OR events.cause = :cause) AND events.object >= :low AND "
        "events.object < :high ORDER BY events.id DESC LIMIT :limit OFFSET 0"
    ),
    "LEASE": (
        "SELECT lease.token, lease.host, lease.pid, lease.boot_id, lease.since, lease.expires, "
        "lease.locked, lease.store FROM lease"
    ),
    "LEAVE_SHARDS": "UPDATE shards SET member=0 WHERE shards.member = :number",
    "MEMBER": "SELECT members.number FROM members WHERE members.number = :number",
    "MEMBERS": (
        "SELECT members.number, members.host, members.pid, members.boot_id, members.since FROM members "
        "ORDER BY members.number"
    ),
    "NEWEST_SHARD": "SELECT max(shards.token) AS max_1 FROM shards",
    "NEWEST_SNAPSHOT": (
        "SELECT snapshots.id, snapshots.source, snapshots.revision, snapshots.digest, snapshots.root, "
        "snapshots.left_out FROM snapshots WHERE snapshots.id = (SELECT max(newer.id) AS max_1 FROM "
        "snapshots AS newer WHERE newer.source = :source)"
    ),
    "OWED": (
        'SELECT refresh_owed.address, refresh_owed.cause, refresh_owed.run, refresh_owed."before", '
        "refresh_owed.since, refresh_owed.certain FROM refresh_owed ORDER BY refresh_owed.address, "
        "refresh_owed.cause"
    ),
    "PUT_ALERT": (
        "INSERT INTO alerts (name, cursor, failures, error, next_try, sent, sent_at, dropped) VALUES "
        "(:name, :cursor, :failures, :error, :next_try, :sent, :sent_at, :dropped) ON CONFLICT (name) DO "
        "UPDATE SET cursor = excluded.cursor, failures = excluded.failures, error = excluded.error, "
        "next_try = excluded.next_try, sent = excluded.sent, sent_at = excluded.sent_at, dropped = "
        "excluded.dropped"
    ),
    "PUT_APPROVAL": (
        'INSERT INTO approvals (address, shown, "by", reason, at) VALUES (:address, :shown, :by, :reason, '
        ':at) ON CONFLICT (address) DO UPDATE SET shown = excluded.shown, "by" = excluded."by", reason = '
        "excluded.reason, at = excluded.at"
    ),
    "PUT_BLOB": (
        "INSERT INTO blobs (digest, size, data, created_at, used_at) VALUES (:digest, :size, :data, "
        ":created_at, :used_at) ON CONFLICT (digest) DO UPDATE SET used_at = excluded.used_at"
    ),
    "PUT_DECISION": (
        "INSERT INTO decisions (source, digest, doubt, held) VALUES (:source, :digest, :doubt, :held) ON "
        "CONFLICT (source) DO UPDATE SET digest = excluded.digest, doubt = excluded.doubt, held = "
        "excluded.held"
    ),
    "PUT_DISRUPTION": (
        "INSERT INTO disruptions (target, cause, since) VALUES (:target, :cause, :since) ON CONFLICT "
        "(target) DO UPDATE SET cause = excluded.cause, since = excluded.since"
    ),
    "PUT_FACTS": (
        "INSERT INTO facts (target, section, document, taken, cut) VALUES (:target, :section, :document, "
        ":taken, :cut) ON CONFLICT (target, section) DO UPDATE SET document = excluded.document, taken = "
        "excluded.taken, cut = excluded.cut"
    ),
    "PUT_HOUSEKEEPING": (
        "INSERT INTO housekeeping (id, at) VALUES (:id, :at) ON CONFLICT (id) DO UPDATE SET at = excluded.at"
    ),
    "PUT_INCIDENT": (
        "INSERT INTO alert_incidents (alert, object, topic, document) VALUES (:alert, :object, :topic, "
        ":document) ON CONFLICT (alert, object, topic) DO UPDATE SET document = excluded.document"
    ),
    "PUT_INVENTORY": (
        "INSERT INTO inventory (address, ownership, digest, instance, recorded_at, body, preimage) VALUES "
        "(:address, :ownership, :digest, :instance, :recorded_at, :body, :preimage) ON CONFLICT (address) "
        "DO UPDATE SET ownership = inventory.ownership, digest = excluded.digest, instance = "
        "excluded.instance, recorded_at = excluded.recorded_at, body = excluded.body, preimage = "
        "coalesce(inventory.preimage, excluded.preimage)"
    ),
    "PUT_LEASE": (
        "INSERT INTO lease (id, token, host, pid, boot_id, since, expires, locked, store) VALUES (:id, "
        ":token, :host, :pid, :boot_id, :since, :expires, :locked, :store) ON CONFLICT (id) DO UPDATE SET "
        "token = excluded.token, host = excluded.host, pid = excluded.pid, boot_id = excluded.boot_id, "
        "since = excluded.since, expires = excluded.expires, locked = excluded.locked, store = "
        "excluded.store"
    ),
    "PUT_OWED": (
        'INSERT INTO refresh_owed (address, cause, run, "before", since, certain) VALUES (:address, :cause, '
        ":run, :before, :since, :certain) ON CONFLICT (address, cause) DO UPDATE SET run = excluded.run, "
        '"before" = excluded."before", since = excluded.since, certain = excluded.certain'
    ),
    "PUT_QUEUED": (
        "INSERT INTO queue (target, priority, dirty, added_at) VALUES (:target, :priority, :dirty, "
        ":added_at) ON CONFLICT (target) DO UPDATE SET priority = excluded.priority, dirty = "
        "excluded.dirty, added_at = excluded.added_at"
    ),
    "PUT_ROLLBACK": (
        'INSERT INTO rollbacks (source, snapshot, "by", reason, since, until) VALUES (:source, :snapshot, '
        ":by, :reason, :since, :until) ON CONFLICT (source) DO UPDATE SET snapshot = excluded.snapshot, "
        '"by" = excluded."by", reason = excluded.reason, since = excluded.since, until = excluded.until'
    ),
    "PUT_ROLLOUT": (
        "INSERT INTO rollouts (source, name, document) VALUES (:source, :name, :document) ON CONFLICT "
        "(source, name) DO UPDATE SET document = excluded.document"
    ),
    "PUT_SHARD": (
        "INSERT INTO shards (shard, member, token) VALUES (:shard, :member, :token) ON CONFLICT (shard) DO "
        "UPDATE SET member = excluded.member, token = excluded.token"
    ),
    "PUT_SOURCE_STATE": (
        "INSERT INTO source_state (name, conditions, revision, digest, problems, degraded) VALUES (:name, "
        ":conditions, :revision, :digest, :problems, :degraded) ON CONFLICT (name) DO UPDATE SET conditions "
        "= excluded.conditions, revision = excluded.revision, digest = excluded.digest, problems = "
        "excluded.problems, degraded = excluded.degraded"
    ),
    "PUT_STATE": (
        "INSERT INTO resource_state (address, generation, digest, observed_generation, observed, "
        "observed_at, owned, conditions, history, failures, source, held, declared) VALUES (:address, "
        ":generation, :digest, :observed_generation, :observed, :observed_at, :owned, :conditions, "
        ":history, :failures, :source, :held, :declared) ON CONFLICT (address) DO UPDATE SET generation = "
        "excluded.generation, digest = excluded.digest, observed_generation = excluded.observed_generation, "
        "observed = excluded.observed, observed_at = excluded.observed_at, owned = excluded.owned, "
        "conditions = excluded.conditions, history = excluded.history, failures = excluded.failures, source "
        "= excluded.source, held = excluded.held, declared = excluded.declared"
    ),
    "PUT_SUSPENSION": (
        'INSERT INTO suspensions (object, "by", reason, since, until) VALUES (:object, :by, :reason, '
        ':since, :until) ON CONFLICT (object) DO UPDATE SET "by" = excluded."by", reason = excluded.reason, '
        "since = excluded.since, until = excluded.until"
    ),
    "PUT_TARGET": (
        "INSERT INTO targets (name, document) VALUES (:name, :document) ON CONFLICT (name) DO UPDATE SET "
        "document = excluded.document"
    ),
    "PUT_TARGET_STATE": (
        "INSERT INTO target_state (name, conditions, connected_since) VALUES (:name, :conditions, "
        ":connected_since) ON CONFLICT (name) DO UPDATE SET conditions = excluded.conditions, "
        "connected_since = excluded.connected_since"
    ),
    "PUT_TURN": (
        "INSERT INTO rollout_turns (source, rollout, target, snapshot, document) VALUES (:source, :rollout, "
        ":target, :snapshot, :document) ON CONFLICT (source, rollout, target) DO UPDATE SET snapshot = "
        "excluded.snapshot, document = excluded.document"
    ),
    "PUT_UNIT": (
        "INSERT INTO plan_units (run, address, action, cause, diffs, desired, observed, preimage, outcome, "
        "message, preimage_at) VALUES (:run, :address, :action, :cause, :diffs, :desired, :observed, "
        ":preimage, :outcome, :message, :preimage_at) ON CONFLICT (run, address) DO UPDATE SET action = "
        "excluded.action, cause = excluded.cause, diffs = excluded.diffs, desired = excluded.desired, "
        "observed = excluded.observed, preimage = excluded.preimage, outcome = excluded.outcome, message = "
        "excluded.message, preimage_at = excluded.preimage_at"
    ),
    "PUT_WARM": (
        "INSERT INTO warm (id, document) VALUES (:id, :document) ON CONFLICT (id) DO UPDATE SET document = "
        "excluded.document"
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
        'SELECT rollbacks.source, rollbacks.snapshot, rollbacks."by", rollbacks.reason, rollbacks.since, '
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
        "runs.id) AS units FROM runs ORDER BY runs.id DESC LIMIT :limit OFFSET 0"
    ),
    "RUNS_OF_TARGET": (
        "SELECT runs.id, runs.target, runs.cause, runs.revision, runs.started_at, runs.finished_at, "
        "runs.outcome, runs.message, (SELECT count(*) AS count_1 FROM plan_units WHERE plan_units.run = "
        "runs.id) AS units FROM runs WHERE runs.target = :of ORDER BY runs.id DESC LIMIT :limit OFFSET 0"
    ),
    "SETTLE_UNIT": (
        "UPDATE plan_units SET outcome=:outcome, message=:message WHERE plan_units.run = :of AND "
        "plan_units.address = :instance"
    ),
    "SHARDS": "SELECT shards.shard, shards.member, shards.token FROM shards ORDER BY shards.shard",
    "SIZES_OF_RUNS": (
        "SELECT runs.id, (SELECT count(*) AS count_1 FROM plan_units WHERE plan_units.run = runs.id) AS "
        "units FROM runs WHERE runs.id < :below ORDER BY runs.id DESC LIMIT :most OFFSET 0"
    ),
    "SNAPSHOT": (
        "SELECT snapshots.id, snapshots.source, snapshots.revision, snapshots.digest, snapshots.root, "
        "snapshots.left_out FROM snapshots WHERE snapshots.id = :number"
    ),
    "SNAPSHOT_FILES": (
        "SELECT snapshot_files.path, snapshot_files.digest, snapshot_files.executable, blobs.size, CASE "
        "WHEN (blobs.size <= 32768) THEN blobs.data END AS anon_1 FROM snapshot_files JOIN blobs ON "
        "blobs.digest = snapshot_files.digest WHERE snapshot_files.snapshot = :snapshot ORDER BY "
        "snapshot_files.path"
    ),
    "SNAPSHOT_IN_FORCE": (
        "SELECT snapshots.id, snapshots.source, snapshots.revision, snapshots.digest, snapshots.root, "
        "snapshots.left_out FROM snapshots WHERE snapshots.id = coalesce((SELECT rollbacks.snapshot FROM "
        "rollbacks WHERE rollbacks.source = :source), (SELECT max(newer.id) AS max_1 FROM snapshots AS "
        "newer WHERE newer.source = :source))"
    ),
    "SOURCE_STATES": (
        "SELECT source_state.name, source_state.conditions, source_state.revision, source_state.digest, "
        "source_state.problems, source_state.degraded FROM source_state"
    ),
    "SPENT_RUNS": (
        "SELECT runs.id FROM runs WHERE runs.finished_at IS NOT NULL AND (runs.id <= :up_to OR "
        "runs.started_at < :before) AND NOT (EXISTS (SELECT * FROM plan_units WHERE plan_units.run = "
        "runs.id AND plan_units.outcome IS NULL)) AND NOT (EXISTS (SELECT * FROM plan_units WHERE "
        "plan_units.run = runs.id AND plan_units.preimage IS NOT NULL AND (plan_units.outcome IS NULL OR "
        "plan_units.outcome = 'Abandoned' OR plan_units.outcome = 'Pending' OR plan_units.outcome = "
        "'Unreachable') AND ((plan_units.address NOT IN (SELECT inventory.address FROM inventory)) OR "
        "plan_units.cause = 'adopt' AND (plan_units.address NOT IN (SELECT inventory.address FROM inventory "
        "WHERE inventory.preimage IS NOT NULL))))) ORDER BY runs.id LIMIT :most OFFSET 0"
    ),
    "STATES": (
        "SELECT resource_state.address, resource_state.generation, resource_state.digest, "
        "resource_state.observed_generation, resource_state.observed, resource_state.observed_at, "
        "resource_state.owned, resource_state.conditions, resource_state.history, resource_state.failures, "
        "resource_state.source, resource_state.held, resource_state.declared FROM resource_state WHERE "
        "resource_state.address >= :low AND resource_state.address < :high"
    ),
    "SURPLUS_SNAPSHOT": (
        "SELECT snapshots.id FROM snapshots WHERE snapshots.id <= (SELECT newer.id FROM snapshots AS newer "
        "WHERE newer.source = snapshots.source ORDER BY newer.id DESC LIMIT 1 OFFSET :keep) AND "
        "(snapshots.id NOT IN (SELECT rollbacks.snapshot FROM rollbacks)) AND NOT (EXISTS (SELECT * FROM "
        "rollout_turns WHERE rollout_turns.snapshot = snapshots.id)) ORDER BY snapshots.id LIMIT 1 OFFSET 0"
    ),
    "SUSPENSIONS": (
        'SELECT suspensions.object, suspensions."by", suspensions.reason, suspensions.since, '
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
        "plan_units.message, plan_units.preimage_at FROM plan_units WHERE plan_units.run = :run ORDER BY "
        "plan_units.address"
    ),
}
