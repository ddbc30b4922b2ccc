//! `belfry key create`.

use super::args::KeyCreateArgs;
use super::{answer, config, runtime};
use crate::app;
use crate::entropy::Entropy;
use crate::gateway::Scope;
use crate::net::Clock;
use anyhow::bail;
use std::collections::BTreeSet;

/// Makes an API key and shows it, the only time it can be seen.
pub(super) fn create(args: &KeyCreateArgs) -> anyhow::Result<()> {
    let loaded = config::load(&args.file)?;
    if !loaded.config.services.contains_key(&args.service) {
        let known: Vec<&str> = loaded.config.services.keys().map(String::as_str).collect();
        bail!(
            "there is no service `{}`; the configuration has: {}",
            args.service,
            known.join(", ")
        );
    }
    let scopes = args.scopes.iter().map(|scope| scope.parse()).collect::<Result<_, _>>()?;
    let key = runtime()?.block_on(store_key(&loaded.config, args, &scopes))?;
    Ok(answer(&format!("{}\n", key.expose()))?)
}

async fn store_key(
    config: &crate::config::Config,
    args: &KeyCreateArgs,
    scopes: &BTreeSet<Scope>,
) -> anyhow::Result<crate::secret::Redacted<String>> {
    let mut entropy = Entropy::from_system();
    let gateway = app::gateway_without_calls(config, &mut entropy).await?;
    let now = Clock::start().unix();
    let (_, key) = gateway.create_key(now, &mut entropy, &args.service, scopes, !args.test).await?;
    Ok(key)
}
