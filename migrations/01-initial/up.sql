-- Identifiers are the 16 bytes of a UUID, moments milliseconds since 1970 in UTC, words those of the wire.
-- `no` is the order in which rows were written; it never changes.

CREATE TABLE tasks (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE COLLATE BINARY,
    status TEXT NOT NULL,
    status_order INTEGER NOT NULL GENERATED ALWAYS AS (
        CASE status
            WHEN 'PENDING' THEN 0 WHEN 'RUNNING' THEN 1 WHEN 'PAUSED' THEN 2 WHEN 'STOPPED' THEN 3 WHEN 'TESTING' THEN 4
            WHEN 'COMPLETED' THEN 5 WHEN 'FAILED' THEN 6 WHEN 'FINISHED' THEN 7 WHEN 'EXHAUSTED' THEN 8 ELSE 9
        END) VIRTUAL,
    user_id TEXT,
    root_folder TEXT,
    model TEXT,
    session_id BLOB,
    summary TEXT,
    error_message TEXT,
    iterations INTEGER NOT NULL,
    tokens_input INTEGER NOT NULL,
    tokens_output INTEGER NOT NULL,
    tokens_cache_creation INTEGER NOT NULL,
    tokens_cache_read INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    running_seconds REAL NOT NULL,
    interaction_count INTEGER NOT NULL,
    waiting_for_input INTEGER NOT NULL,
    paused_until INTEGER,
    queued_at INTEGER,
    next_run TEXT NOT NULL,
    agent_session TEXT,
    agent_run TEXT,
    spool_offset INTEGER NOT NULL,
    branch TEXT,
    base TEXT,
    base_commit TEXT,
    worktree_path TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    started_at INTEGER,
    completed_at INTEGER
) STRICT;
CREATE INDEX tasks_by_creation ON tasks (created_at);
CREATE INDEX tasks_by_update ON tasks (updated_at);
CREATE INDEX tasks_by_status ON tasks (status, created_at);
CREATE INDEX tasks_by_session ON tasks (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX tasks_in_queue ON tasks (queued_at) WHERE queued_at IS NOT NULL;

-- What a person asked for, as JSON: apart from the row, which changes with every line of the agent.
CREATE TABLE task_specs (
    task_id BLOB PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    spec TEXT NOT NULL
) STRICT;

CREATE TABLE task_labels (
    label TEXT NOT NULL,
    task_id BLOB NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    PRIMARY KEY (label, task_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_labels_by_task ON task_labels (task_id);

-- The root folder and the paths of all projects of a task.
CREATE TABLE task_folders (
    folder TEXT NOT NULL,
    task_id BLOB NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    PRIMARY KEY (folder, task_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_folders_by_task ON task_folders (task_id);

CREATE TABLE workplaces (
    task_id BLOB NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    is_worktree INTEGER NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (task_id, position)
) STRICT, WITHOUT ROWID;

-- The log. A task's events outlive it, so that there is no foreign key.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id BLOB,
    task TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    payload TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_task ON events (task_id, seq);
CREATE INDEX events_by_kind ON events (kind, seq);

CREATE TABLE interactions (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    task_id BLOB NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    interaction_type TEXT NOT NULL,
    content TEXT NOT NULL,
    image_types TEXT NOT NULL,
    tool TEXT,
    tokens TEXT,
    duration_ms INTEGER,
    cost_usd REAL,
    created_at INTEGER NOT NULL,
    images TEXT
) STRICT;
CREATE INDEX interactions_by_task ON interactions (task_id, seq);
CREATE INDEX interactions_by_type ON interactions (task_id, interaction_type, seq);

CREATE TABLE inputs (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    task_id BLOB NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    image_types TEXT NOT NULL,
    priority TEXT NOT NULL,
    user_id TEXT,
    delivery TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    delivered_at INTEGER,
    images TEXT
) STRICT;
CREATE INDEX inputs_by_task ON inputs (task_id, delivery);

CREATE TABLE questions (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    task_id BLOB NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    task_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    text TEXT NOT NULL,
    choices TEXT NOT NULL,
    multiple INTEGER NOT NULL,
    tool TEXT,
    suggestion TEXT,
    request_id TEXT,
    request TEXT,
    asked_at INTEGER NOT NULL,
    answered_at INTEGER,
    answer TEXT,
    answered_by TEXT,
    remembered TEXT
) STRICT;
CREATE INDEX questions_by_task ON questions (task_id, state);
CREATE INDEX questions_by_state ON questions (state);

CREATE TABLE decisions (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    task_id BLOB NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    call TEXT NOT NULL,
    plugin TEXT NOT NULL,
    version TEXT NOT NULL,
    hash TEXT NOT NULL,
    answer TEXT,
    error TEXT,
    counted INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    at INTEGER NOT NULL,
    input TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_by_task ON decisions (task_id);

CREATE TABLE test_cases (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    task_id BLOB NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    round INTEGER NOT NULL,
    runner TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    test_code TEXT,
    test_type TEXT NOT NULL,
    status TEXT NOT NULL,
    output TEXT,
    duration_ms INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX test_cases_by_task ON test_cases (task_id, round);

-- What was used, a row for each turn that ended: it stays when a conversation is cleared or a task deleted.
CREATE TABLE usage (
    no INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    task_id BLOB NOT NULL,
    project TEXT,
    model TEXT,
    tokens_input INTEGER NOT NULL,
    tokens_output INTEGER NOT NULL,
    tokens_cache_creation INTEGER NOT NULL,
    tokens_cache_read INTEGER NOT NULL,
    cost_usd REAL NOT NULL
) STRICT;
CREATE INDEX usage_by_time ON usage (at);

CREATE TABLE projects (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    user_id TEXT,
    default_branch TEXT NOT NULL,
    project_type TEXT,
    config TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX projects_by_path ON projects (path);

CREATE TABLE prompts (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    title TEXT NOT NULL,
    content TEXT NOT NULL,
    category TEXT,
    tags TEXT NOT NULL,
    criteria_config TEXT,
    user_id TEXT,
    usage_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

CREATE TABLE sessions (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    project_path TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- What was answered to a request with an idempotency key.
CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_by_time ON idempotency (at);

-- Settings that the server keeps by itself.
CREATE TABLE kept (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE plugin_state (
    plugin TEXT NOT NULL,
    task_id BLOB NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (plugin, task_id, key)
) STRICT;
CREATE INDEX plugin_state_by_task ON plugin_state (task_id);

-- "TWrt": tells this file from another program's.
PRAGMA application_id = 1415017076;
