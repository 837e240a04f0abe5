//! The world `test-runner`.

use super::{Question, Unfit, answered, not_blank, of_another_kind, relative};
use crate::plugin::{
    CallError, CaseStatus, PlannedCommand, ProjectFiles, RunCase, RunOutcome, RunPlan,
    bindings::test_runner::exports::taskwright::plugin::testing as wit, component::Functions, limits::CASES_BYTES,
    sandbox::Call,
};
use wasmtime::{Result, Store};

/// Files whose contents a plugin may want.
const WANTED_FILES: usize = 32;
/// Commands of a plan.
const COMMANDS: usize = 32;
/// Stands for the fresh folder of reports.
const REPORT_FOLDER: &str = "{report}";

/// Which files `detect` needs.
pub(in crate::plugin) struct Wants;

impl Question for Wants {
    type Answer = Vec<String>;

    async fn ask(&self, functions: &Functions, store: &mut Store<Call>) -> Result<Result<Self::Answer, CallError>> {
        let Functions::TestRunner(pre) = functions else { return Err(of_another_kind()) };
        let instance = pre.instantiate_async(&mut *store).await?;
        let answer = instance.taskwright_plugin_testing().call_wants(store).await?;
        Ok(answered(Ok(well_wanted(answer))))
    }
}

/// How a project is tested.
pub(in crate::plugin) struct Detect<'a>(pub(in crate::plugin) &'a ProjectFiles);

impl Question for Detect<'_> {
    type Answer = Option<RunPlan>;

    async fn ask(&self, functions: &Functions, store: &mut Store<Call>) -> Result<Result<Self::Answer, CallError>> {
        let Functions::TestRunner(pre) = functions else { return Err(of_another_kind()) };
        let given = project(self.0);
        let instance = pre.instantiate_async(&mut *store).await?;
        let answer = instance.taskwright_plugin_testing().call_detect(store, &given).await?;
        Ok(answered(answer.map(|plan| plan.map(|plan| well_planned(told_plan(plan))).transpose())))
    }
}

/// What a run found.
pub(in crate::plugin) struct Interpret<'a>(pub(in crate::plugin) &'a [RunOutcome]);

impl Question for Interpret<'_> {
    type Answer = Vec<RunCase>;
    const ANSWER_BYTES: usize = CASES_BYTES;

    async fn ask(&self, functions: &Functions, store: &mut Store<Call>) -> Result<Result<Self::Answer, CallError>> {
        let Functions::TestRunner(pre) = functions else { return Err(of_another_kind()) };
        let given = self.0.iter().map(outcome).collect::<Vec<_>>();
        let instance = pre.instantiate_async(&mut *store).await?;
        let answer = instance.taskwright_plugin_testing().call_interpret(store, &given).await?;
        Ok(answered(answer.map(|cases| well_read(cases.into_iter().map(told_case).collect()))))
    }
}

fn project(project: &ProjectFiles) -> wit::Project {
    wit::Project {
        files: project.files.clone(),
        contents: project.contents.clone(),
        test_command: project.test_command.clone(),
        test_dir: project.test_dir.clone(),
    }
}

fn outcome(outcome: &RunOutcome) -> wit::Outcome {
    wit::Outcome {
        command: wit::Command {
            argv: outcome.command.argv.clone(),
            env: outcome.command.env.clone(),
            timeout_seconds: outcome.command.timeout_seconds,
            reports: outcome.command.reports.clone(),
        },
        status: outcome.status,
        timed_out: outcome.timed_out,
        error: outcome.error.clone(),
        stdout: outcome.stdout.clone(),
        stderr: outcome.stderr.clone(),
        reports: outcome.reports.clone(),
    }
}

fn told_plan(plan: wit::Plan) -> RunPlan {
    let command = |command: wit::Command| PlannedCommand {
        argv: command.argv,
        env: command.env,
        timeout_seconds: command.timeout_seconds,
        reports: command.reports,
    };
    RunPlan {
        commands: plan.commands.into_iter().map(command).collect(),
        summary: plan.summary,
        guidance: plan.guidance,
    }
}

fn told_case(case: wit::TestCase) -> RunCase {
    RunCase {
        name: case.name,
        suite: case.suite,
        status: match case.status {
            wit::CaseStatus::Passed => CaseStatus::Passed,
            wit::CaseStatus::Failed => CaseStatus::Failed,
            wit::CaseStatus::Skipped => CaseStatus::Skipped,
        },
        output: case.output,
        duration_ms: case.duration_ms,
    }
}

fn well_wanted(wanted: Vec<String>) -> Result<Vec<String>, Unfit> {
    if wanted.len() > WANTED_FILES {
        return Err(format!("it wants {} files and at most {WANTED_FILES} are given", wanted.len()));
    }
    wanted.iter().try_for_each(|path| relative(path))?;
    Ok(wanted)
}

fn well_planned(plan: RunPlan) -> Result<RunPlan, Unfit> {
    if plan.commands.is_empty() {
        return Err("its plan has no command".into());
    }
    if plan.commands.len() > COMMANDS {
        return Err(format!("its plan has {} commands and at most {COMMANDS} are run", plan.commands.len()));
    }
    plan.commands.iter().try_for_each(well_commanded)?;
    Ok(plan)
}

fn well_commanded(command: &PlannedCommand) -> Result<(), Unfit> {
    let Some(program) = command.argv.first() else { return Err("a command of its plan has no program".into()) };
    not_blank(program, "the program of a command")?;
    if command.argv.iter().any(|argument| argument.contains('\0')) {
        return Err("an argument has a NUL".into());
    }
    let is_no_variable = |name: &str| name.is_empty() || name.contains(['=', '\0']);
    if let Some((name, _)) = command.env.iter().find(|(name, value)| is_no_variable(name) || value.contains('\0')) {
        return Err(format!("`{name}` is no variable with a value"));
    }
    for report in &command.reports {
        relative(report.strip_prefix(REPORT_FOLDER).map_or(report.as_str(), |name| name.trim_start_matches('/')))?;
    }
    Ok(())
}

fn well_read(cases: Vec<RunCase>) -> Result<Vec<RunCase>, Unfit> {
    cases.iter().try_for_each(|case| not_blank(&case.name, "the name of a test"))?;
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(argv: &[&str], reports: &[&str]) -> PlannedCommand {
        PlannedCommand {
            argv: argv.iter().map(ToString::to_string).collect(),
            env: vec![],
            timeout_seconds: 60,
            reports: reports.iter().map(ToString::to_string).collect(),
        }
    }

    fn plan(command: PlannedCommand) -> RunPlan {
        RunPlan { commands: vec![command], summary: String::new(), guidance: String::new() }
    }

    #[test]
    fn reports_lie_in_the_agents_folder_or_in_that_of_the_reports() {
        assert!(well_planned(plan(command(&["pytest"], &["{report}/junit.xml", "out/results.json"]))).is_ok());
        assert!(well_planned(plan(command(&["pytest"], &["/etc/passwd"]))).is_err());
        assert!(well_planned(plan(command(&["pytest"], &["{report}/../../key"]))).is_err());
        assert!(well_planned(plan(command(&["pytest"], &["../junit.xml"]))).is_err());
    }

    #[test]
    fn a_command_has_a_program() {
        assert!(well_planned(plan(command(&[], &[]))).is_err());
        assert!(well_planned(plan(command(&[" "], &[]))).is_err());
        assert!(well_planned(plan(command(&["a", "b\0c"], &[]))).is_err());
        assert!(well_planned(RunPlan { commands: vec![], ..plan(command(&["a"], &[])) }).is_err());
    }

    #[test]
    fn a_variable_has_a_name() {
        let with = |name: &str| PlannedCommand { env: vec![(name.into(), "1".into())], ..command(&["a"], &[]) };
        assert!(well_planned(plan(with("CI"))).is_ok());
        assert!(well_planned(plan(with(""))).is_err());
        assert!(well_planned(plan(with("A=B"))).is_err());
    }

    #[test]
    fn only_files_in_the_agents_folder_can_be_wanted() {
        assert!(well_wanted(vec!["Cargo.toml".into(), "a/package.json".into()]).is_ok());
        assert!(well_wanted(vec!["../Cargo.toml".into()]).is_err());
        assert!(well_wanted(vec!["a".into(); WANTED_FILES + 1]).is_err());
    }
}
