//! What wasmtime makes of `wit/`: the three worlds, with the interfaces that they share made once. Nothing is written here
//! by hand but how the macro is called.

/// The world of responders, and the interfaces that all worlds import.
pub(super) mod responder {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "responder",
        imports: {
            "taskwright:plugin/state": async,
            "taskwright:plugin/workspace": async,
            "taskwright:plugin/model": async,
        },
        exports: { default: async },
    });
}

/// The world of criteria.
pub(super) mod criteria {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "criteria",
        with: {
            "taskwright:plugin/types": super::responder::taskwright::plugin::types,
            "taskwright:plugin/log": super::responder::taskwright::plugin::log,
            "taskwright:plugin/settings": super::responder::taskwright::plugin::settings,
            "taskwright:plugin/state": super::responder::taskwright::plugin::state,
            "taskwright:plugin/workspace": super::responder::taskwright::plugin::workspace,
            "taskwright:plugin/model": super::responder::taskwright::plugin::model,
        },
        exports: { default: async },
        require_store_data_send: true,
    });
}

/// The world of test runners.
pub(super) mod test_runner {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "test-runner",
        with: {
            "taskwright:plugin/types": super::responder::taskwright::plugin::types,
            "taskwright:plugin/log": super::responder::taskwright::plugin::log,
            "taskwright:plugin/settings": super::responder::taskwright::plugin::settings,
            "taskwright:plugin/state": super::responder::taskwright::plugin::state,
            "taskwright:plugin/workspace": super::responder::taskwright::plugin::workspace,
            "taskwright:plugin/model": super::responder::taskwright::plugin::model,
        },
        exports: { default: async },
        require_store_data_send: true,
    });
}

pub(super) use responder::taskwright::plugin as interface;
