//! The bindings, made from `wit/`. Types and capabilities are made once, for the first world; the others use them.

#![allow(missing_docs, clippy::all)]

pub mod responder {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "responder",
        additional_derives: [PartialEq],
        generate_unused_types: true,
        pub_export_macro: true,
        export_macro_name: "export_responder",
        type_section_suffix: "responder",
    });
}

pub mod criteria {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "criteria",
        with: {
            "taskwright:plugin/types@0.1.0": crate::bindings::responder::taskwright::plugin::types,
            "taskwright:plugin/log@0.1.0": crate::bindings::responder::taskwright::plugin::log,
            "taskwright:plugin/settings@0.1.0": crate::bindings::responder::taskwright::plugin::settings,
            "taskwright:plugin/state@0.1.0": crate::bindings::responder::taskwright::plugin::state,
            "taskwright:plugin/workspace@0.1.0": crate::bindings::responder::taskwright::plugin::workspace,
            "taskwright:plugin/model@0.1.0": crate::bindings::responder::taskwright::plugin::model,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_criteria",
        type_section_suffix: "criteria",
    });
}

pub mod test_runner {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "test-runner",
        with: {
            "taskwright:plugin/types@0.1.0": crate::bindings::responder::taskwright::plugin::types,
            "taskwright:plugin/log@0.1.0": crate::bindings::responder::taskwright::plugin::log,
            "taskwright:plugin/settings@0.1.0": crate::bindings::responder::taskwright::plugin::settings,
            "taskwright:plugin/state@0.1.0": crate::bindings::responder::taskwright::plugin::state,
            "taskwright:plugin/workspace@0.1.0": crate::bindings::responder::taskwright::plugin::workspace,
            "taskwright:plugin/model@0.1.0": crate::bindings::responder::taskwright::plugin::model,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_test_runner",
        type_section_suffix: "test-runner",
    });
}
