//! What every part of the engine needs: the settings, the log, and the rooms below.

use super::EngineConfig;
use crate::{agent::Agent, plugin::Plugins, store::Store, workspace::Workspaces};
use std::sync::Arc;

/// The engine's surroundings. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Context {
    /// The settings.
    pub config: Arc<EngineConfig>,
    /// The log and the models.
    pub store: Store,
    /// The coding agent.
    pub agent: Arc<dyn Agent>,
    /// The plugins.
    pub plugins: Arc<dyn Plugins>,
    /// Git.
    pub workspaces: Arc<dyn Workspaces>,
}
