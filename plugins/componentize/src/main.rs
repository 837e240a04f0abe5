//! `taskwright-componentize MODULE COMPONENT`: turns a core module into a component. The interface is in the module's
//! own custom sections, where the bindings put it. Nothing else happens here: building is `plugins/build`'s affair.

use std::{env, fs, process::ExitCode};

use wit_component::ComponentEncoder;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, component] = arguments.as_slice() else {
        eprintln!("usage: taskwright-componentize MODULE COMPONENT");
        return ExitCode::from(2);
    };
    match componentize(module, component) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {module} was not turned into a component: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn componentize(module: &str, component: &str) -> Result<(), String> {
    let core = fs::read(module).map_err(|e| e.to_string())?;
    let encoder = ComponentEncoder::default().validate(true).module(&core).map_err(|e| format!("{e:#}"))?;
    let bytes = { encoder }.encode().map_err(|e| format!("{e:#}"))?;
    fs::write(component, bytes).map_err(|e| format!("{component}: {e}"))
}
