//! `dbdyno host-load`: dbdyno as the process that is killed with the engine in it.

use dbdyno_adapters::{ServerSettings, Target, open};
use dbdyno_core::{Error, Result};
use dbdyno_suites::isolation::durability::hosted::HostedLoad;

use crate::Ended;
use crate::args::HostLoadArgs;

/// Hosts the load until it is killed.
///
/// # Errors
/// The target cannot be opened, or the load not go on.
pub fn host_load(arguments: HostLoadArgs) -> Result<Ended> {
    let load = hosted(arguments);
    let target = Target::parse(&load.target)?;
    let settings = ServerSettings { sessions: load.clients, ..ServerSettings::default() };
    // It is over before the load begins: a load has an event loop of its own.
    let driver = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::new("start the event loop", cause))?
        .block_on(open(&target, &settings))?;
    load.host(driver)?;
    Ok(Ended::Done)
}

fn hosted(arguments: HostLoadArgs) -> HostedLoad {
    let HostLoadArgs {
        transactions,
        target,
        durability,
        isolation,
        statement_timeout,
        clients,
        max_retries,
        scale,
        seed,
        cycle,
        first_commit,
    } = arguments;
    HostedLoad {
        transactions,
        target,
        durability,
        isolation,
        statement_timeout,
        clients,
        max_retries,
        scale,
        seed,
        cycle,
        first_commit,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use std::time::Duration;

    use clap::Parser as _;
    use dbdyno_core::{Durability, Isolation, Scale};
    use dbdyno_suites::isolation::durability::Transactions;

    use super::*;
    use crate::args::{Arguments, Command};

    #[test]
    fn a_load_is_read_as_it_was_said() {
        let load = HostedLoad {
            transactions: Transactions::ListAppend,
            target: "sqlite:%2Fa%20b?begin=deferred".to_owned(),
            durability: Durability::Process,
            isolation: Isolation::Serializable,
            statement_timeout: Some(Duration::from_millis(1_500)),
            clients: 3,
            max_retries: 7,
            scale: Scale::hundredths(50),
            seed: u64::MAX,
            cycle: 12,
            first_commit: true,
        };
        for load in
            [HostedLoad { statement_timeout: None, first_commit: false, ..load.clone() }, load]
        {
            let words = std::iter::once("dbdyno".to_owned()).chain(load.arguments());
            let Command::HostLoad(arguments) = Arguments::try_parse_from(words).unwrap().command
            else {
                panic!("another command");
            };
            assert_eq!(hosted(*arguments), load);
        }
    }
}
