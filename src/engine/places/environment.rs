//! The environment of a task's agent and commands.

use crate::{
    domain::{Task, project::Project, task::Workplace},
    process::{NEVER_PASSED, agent_environment},
};
use std::{collections::BTreeMap, ffi::OsString};

/// Composes an environment from the server's own (reduced to the allow-list), the project's variables and the task's.
pub(super) fn compose(
    own: impl Iterator<Item = (OsString, OsString)>,
    extra_allowed: &[String],
    task: &Task,
    project: Option<&Project>,
    places: &[Workplace],
) -> BTreeMap<OsString, OsString> {
    let mut env = agent_environment(own, extra_allowed);
    for (name, value) in project.into_iter().flat_map(|project| &project.config.env) {
        if is_name(name) && !value.contains('\0') {
            env.insert(name.into(), value.into());
        }
    }
    env.insert("TASKWRIGHT_TASK".into(), task.spec.task_name.clone().into());
    env.insert("TASKWRIGHT_TASK_ID".into(), task.id.to_string().into());
    if let Some((first, count)) = places.iter().find_map(|place| Some((place.first_port?, place.ports.max(1)))) {
        env.insert("PORT".into(), first.to_string().into());
        env.insert("TASKWRIGHT_PORT".into(), first.to_string().into());
        env.insert("TASKWRIGHT_PORTS".into(), format!("{first}-{}", u32::from(first) + u32::from(count) - 1).into());
    }
    env
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !NEVER_PASSED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testbed::{project, task, workplace};

    #[test]
    fn a_task_gets_the_allow_list_the_projects_variables_its_name_and_its_ports() {
        let own = [("PATH", "/bin"), ("SECRET", "x"), ("TASKWRIGHT_TOKEN", "x")];
        let own = own.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let mut project = project("/app");
        project.config.env =
            [("MODE".to_owned(), "test".to_owned()), ("TASKWRIGHT_TOKEN".to_owned(), "forged".to_owned())].into();
        let mut place = workplace("/app");
        (place.first_port, place.ports) = (Some(4100), 10);
        let task = task("fix it");
        let env = compose(own, &[], &task, Some(&project), &[place]);
        let env: Vec<_> = env.iter().map(|(n, v)| format!("{}={}", n.display(), v.display())).collect();
        assert_eq!(
            env,
            [
                "MODE=test".to_owned(),
                "PATH=/bin".to_owned(),
                "PORT=4100".to_owned(),
                "TASKWRIGHT_PORT=4100".to_owned(),
                "TASKWRIGHT_PORTS=4100-4109".to_owned(),
                "TASKWRIGHT_TASK=fix it".to_owned(),
                format!("TASKWRIGHT_TASK_ID={}", task.id),
            ]
        );
    }
}
