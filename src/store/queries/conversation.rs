//! What belongs to one task's work: conversation, inbox, questions, decisions, tests, what plugins keep.

use super::{Conditions, Page, Queries, QuestionFilter, StoreError};
use crate::{
    domain::{
        InputId, InteractionId, QuestionId, TaskId, TestCaseId,
        decision::Decision,
        ids::DecisionId,
        input::{Image, Input},
        interaction::Interaction,
        question::Question,
        test_case::{TestCase, TestStatus, TestSummary},
    },
    store::values::{Json, Word, integer},
};
use rusqlite::{Row, params, params_from_iter};

/// The columns that [`interaction_from`] reads, without `images`, which come last.
const INTERACTION: &str = "SELECT id, task_id, seq, turn, interaction_type, content, image_types, tool, tokens, \
     duration_ms, cost_usd, created_at";

/// The columns that [`input_from`] reads, without `images`, which come last.
const INPUT: &str = "SELECT id, task_id, text, image_types, priority, user_id, delivery, created_at, delivered_at";

const QUESTION: &str = "SELECT id, task_id, task_name, kind, state, text, choices, multiple, tool, suggestion, \
     request_id, request, asked_at, answered_at, answer, answered_by, remembered FROM questions";

const DECISION: &str = "SELECT id, task_id, kind, call, plugin, version, hash, input, answer, error, counted, \
     duration_us, at FROM decisions";

const TEST_CASE: &str = "SELECT id, task_id, round, runner, name, description, test_code, test_type, status, output, \
     duration_ms, created_at FROM test_cases";

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<Json<T>>>(column)?.map(|json| json.0))
}

/// The images of an entry; without their content where the column is absent or empty.
fn images(row: &Row<'_>, types: usize, column: usize) -> rusqlite::Result<Vec<Image>> {
    if let Some(images) = json(row, column)? {
        return Ok(images);
    }
    let types: Vec<String> = row.get::<_, Json<_>>(types)?.0;
    Ok(types.into_iter().map(|media_type| Image { base64: String::new(), media_type }).collect())
}

fn interaction_from(row: &Row<'_>) -> rusqlite::Result<Interaction> {
    Ok(Interaction {
        id: row.get(0)?,
        task_id: row.get(1)?,
        seq: row.get(2)?,
        turn: row.get(3)?,
        interaction_type: row.get::<_, Word<_>>(4)?.0,
        content: row.get(5)?,
        images: images(row, 6, 12)?,
        tool: json(row, 7)?,
        tokens: json(row, 8)?,
        duration_ms: row.get(9)?,
        cost_usd: row.get(10)?,
        created_at: row.get(11)?,
    })
}

fn input_from(row: &Row<'_>) -> rusqlite::Result<Input> {
    Ok(Input {
        id: row.get(0)?,
        task_id: row.get(1)?,
        text: row.get(2)?,
        images: images(row, 3, 9)?,
        priority: row.get::<_, Word<_>>(4)?.0,
        user_id: row.get(5)?,
        delivery: row.get::<_, Word<_>>(6)?.0,
        created_at: row.get(7)?,
        delivered_at: row.get(8)?,
    })
}

fn question_from(row: &Row<'_>) -> rusqlite::Result<Question> {
    Ok(Question {
        id: row.get(0)?,
        task_id: row.get(1)?,
        task_name: row.get(2)?,
        kind: row.get::<_, Word<_>>(3)?.0,
        state: row.get::<_, Word<_>>(4)?.0,
        text: row.get(5)?,
        choices: row.get::<_, Json<_>>(6)?.0,
        multiple: row.get(7)?,
        tool: json(row, 8)?,
        suggestion: json(row, 9)?,
        request_id: row.get(10)?,
        request: json(row, 11)?,
        asked_at: row.get(12)?,
        answered_at: row.get(13)?,
        answer: json(row, 14)?,
        answered_by: json(row, 15)?,
        remembered: json(row, 16)?,
    })
}

fn decision_from(row: &Row<'_>) -> rusqlite::Result<Decision> {
    Ok(Decision {
        id: row.get(0)?,
        task_id: row.get(1)?,
        kind: row.get::<_, Word<_>>(2)?.0,
        call: row.get(3)?,
        plugin: row.get(4)?,
        version: row.get(5)?,
        hash: row.get(6)?,
        input: row.get::<_, Json<_>>(7)?.0,
        answer: json(row, 8)?,
        error: row.get(9)?,
        counted: row.get(10)?,
        duration_us: row.get(11)?,
        at: row.get(12)?,
    })
}

fn test_case_from(row: &Row<'_>) -> rusqlite::Result<TestCase> {
    Ok(TestCase {
        id: row.get::<_, TestCaseId>(0)?,
        task_id: row.get(1)?,
        round: row.get(2)?,
        runner: row.get(3)?,
        name: row.get(4)?,
        description: row.get(5)?,
        test_code: row.get(6)?,
        test_type: row.get::<_, Word<_>>(7)?.0,
        status: row.get::<_, Word<_>>(8)?.0,
        output: row.get(9)?,
        duration_ms: row.get(10)?,
        created_at: row.get(11)?,
    })
}

#[allow(clippy::missing_errors_doc, reason = "every method fails only as StoreError tells")]
impl Queries<'_> {
    /// The entries of a page, oldest first, and how many there are in all. Images have their type and no content: that
    /// is in [`Queries::interaction`].
    pub fn interactions(&self, id: TaskId, page: Page) -> Result<(Vec<Interaction>, u64), StoreError> {
        let total = self.value("SELECT count(*) FROM interactions WHERE task_id = ?1", [id])?;
        let entries = self.all(
            &format!("{INTERACTION}, NULL FROM interactions WHERE task_id = ?1 ORDER BY seq, no LIMIT ?2 OFFSET ?3"),
            params![id, page.limit, integer(page.offset)],
            interaction_from,
        )?;
        Ok((entries, total))
    }

    /// One entry, with its images.
    pub fn interaction(&self, id: InteractionId) -> Result<Option<Interaction>, StoreError> {
        self.first(&format!("{INTERACTION}, images FROM interactions WHERE id = ?1"), [id], interaction_from)
    }

    /// The last entries, oldest first, with their images' types alone.
    pub fn recent_interactions(&self, id: TaskId, count: u32) -> Result<Vec<Interaction>, StoreError> {
        let mut entries = self.all(
            &format!("{INTERACTION}, NULL FROM interactions WHERE task_id = ?1 ORDER BY seq DESC, no DESC LIMIT ?2"),
            params![id, count],
            interaction_from,
        )?;
        entries.reverse();
        Ok(entries)
    }

    /// The agent's last text.
    pub fn latest_response(&self, id: TaskId) -> Result<Option<String>, StoreError> {
        self.first(
            "SELECT content FROM interactions WHERE task_id = ?1 AND interaction_type = 'claude_response' \
             ORDER BY seq DESC, no DESC LIMIT 1",
            [id],
            |row| row.get(0),
        )
    }

    /// One input, with its images.
    pub fn input(&self, id: InputId) -> Result<Option<Input>, StoreError> {
        self.first(&format!("{INPUT}, images FROM inputs WHERE id = ?1"), [id], input_from)
    }

    /// All inputs of a task in the order in which they are served; those delivered or removed first, by time. The images
    /// of those have their type and no content; it is in [`Queries::input`].
    pub fn inputs(&self, id: TaskId) -> Result<Vec<Input>, StoreError> {
        self.all(
            &format!(
                "{INPUT}, CASE WHEN delivery IN ('waiting', 'sent') THEN images END FROM inputs WHERE task_id = ?1 \
                 ORDER BY CASE delivery WHEN 'waiting' THEN 2 WHEN 'sent' THEN 1 ELSE 0 END, \
                 CASE WHEN delivery IN ('waiting', 'sent') THEN priority <> 'urgent' \
                 ELSE coalesce(delivered_at, created_at) END, created_at, no"
            ),
            [id],
            input_from,
        )
    }

    /// Those that wait, urgent first, then oldest first, with their images.
    pub fn waiting_inputs(&self, id: TaskId) -> Result<Vec<Input>, StoreError> {
        self.all(
            &format!(
                "{INPUT}, images FROM inputs WHERE task_id = ?1 AND delivery = 'waiting' \
                 ORDER BY priority <> 'urgent', created_at, no"
            ),
            [id],
            input_from,
        )
    }

    /// One question.
    pub fn question(&self, id: QuestionId) -> Result<Option<Question>, StoreError> {
        self.first(&format!("{QUESTION} WHERE id = ?1"), [id], question_from)
    }

    /// The questions of a page, newest first, and how many there are in all.
    pub fn questions(&self, filter: &QuestionFilter, page: Page) -> Result<(Vec<Question>, u64), StoreError> {
        let QuestionFilter { state, task_id } = filter;
        let mut conditions = Conditions::default();
        if let Some(state) = state {
            conditions.bind("state = ?", Word(*state));
        }
        if let Some(task_id) = task_id {
            conditions.bind("task_id = ?", *task_id);
        }
        let total = self.value(&format!("SELECT count(*) FROM questions{}", conditions.sql), conditions.params())?;
        let sql = format!("{QUESTION}{} ORDER BY no DESC LIMIT ? OFFSET ?", conditions.sql);
        let bound = conditions.and_then([i64::from(page.limit), integer(page.offset)]);
        Ok((self.all(&sql, params_from_iter(bound), question_from)?, total))
    }

    /// A task's questions that nobody has answered, oldest first.
    pub fn open_questions(&self, id: TaskId) -> Result<Vec<Question>, StoreError> {
        self.all(&format!("{QUESTION} WHERE task_id = ?1 AND state = 'open' ORDER BY no"), [id], question_from)
    }

    /// One decision.
    pub fn decision(&self, id: DecisionId) -> Result<Option<Decision>, StoreError> {
        self.first(&format!("{DECISION} WHERE id = ?1"), [id], decision_from)
    }

    /// A task's decisions, oldest first.
    pub fn decisions(&self, id: TaskId) -> Result<Vec<Decision>, StoreError> {
        self.all(&format!("{DECISION} WHERE task_id = ?1 ORDER BY no"), [id], decision_from)
    }

    /// The cases of one round, or of all.
    pub fn test_cases(&self, id: TaskId, round: Option<u32>) -> Result<Vec<TestCase>, StoreError> {
        match round {
            Some(round) => self.all(
                &format!("{TEST_CASE} WHERE task_id = ?1 AND round = ?2 ORDER BY no"),
                params![id, round],
                test_case_from,
            ),
            None => self.all(&format!("{TEST_CASE} WHERE task_id = ?1 ORDER BY round, no"), [id], test_case_from),
        }
    }

    /// Counts of the last round.
    pub fn test_summary(&self, id: TaskId) -> Result<TestSummary, StoreError> {
        let counts = self.all(
            "SELECT status, count(*) FROM test_cases WHERE task_id = ?1 \
             AND round = (SELECT max(round) FROM test_cases WHERE task_id = ?1) GROUP BY status",
            [id],
            |row| Ok((row.get::<_, Word<TestStatus>>(0)?.0, row.get::<_, u64>(1)?)),
        )?;
        let mut summary = TestSummary::default();
        for (status, count) in counts {
            summary.total += count;
            match status {
                TestStatus::Pending => summary.pending += count,
                TestStatus::Passed => summary.passed += count,
                TestStatus::Failed => summary.failed += count,
            }
        }
        Ok(summary)
    }

    /// The number of the last round; 0 before the first.
    pub fn test_rounds(&self, id: TaskId) -> Result<u32, StoreError> {
        self.value("SELECT coalesce(max(round), 0) FROM test_cases WHERE task_id = ?1", [id])
    }

    /// A plugin's value for a task.
    pub fn plugin_state(&self, plugin: &str, id: TaskId, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.first(
            "SELECT value FROM plugin_state WHERE plugin = ?1 AND task_id = ?2 AND key = ?3",
            params![plugin, id, key],
            |row| row.get(0),
        )
    }

    /// A plugin's keys for a task that begin with this, in the order of their bytes.
    pub fn plugin_state_keys(&self, plugin: &str, id: TaskId, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.all(
            "SELECT key FROM plugin_state WHERE plugin = ?1 AND task_id = ?2 AND substr(key, 1, length(?3)) = ?3 \
             ORDER BY key",
            params![plugin, id, prefix],
            |row| row.get(0),
        )
    }

    /// Bytes that a plugin keeps for a task, keys included.
    pub fn plugin_state_size(&self, plugin: &str, id: TaskId) -> Result<u64, StoreError> {
        self.value(
            "SELECT coalesce(sum(octet_length(key) + octet_length(value)), 0) FROM plugin_state \
             WHERE plugin = ?1 AND task_id = ?2",
            params![plugin, id],
        )
    }
}
