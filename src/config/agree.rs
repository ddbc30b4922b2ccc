//! What sections say about one another: names that must exist, numbers that must fit.

use super::section::did_you_mean;
use super::types::{Config, Rtp};

/// A key, step by step, and what is wrong with it.
pub(super) type Disagreement = (Vec<String>, String);

/// Fills in what one section leaves to the others, and says where they do not agree.
pub(super) fn agree(config: &mut Config) -> Vec<Disagreement> {
    let mut wrong = name_trunks(config);
    wrong.extend(fit_ports(config));
    wrong
}

/// A service without trunks has all of them; one it names must be there.
fn name_trunks(config: &mut Config) -> Vec<Disagreement> {
    let known: Vec<String> = config.trunks.keys().cloned().collect();
    let mut wrong = Vec::new();
    for (name, service) in &mut config.services {
        if service.trunks.is_empty() {
            service.trunks.clone_from(&known);
        }
        for trunk in service.trunks.iter().filter(|trunk| !known.contains(trunk)) {
            let hint = did_you_mean(trunk, known.iter().map(String::as_str));
            let key = ["services", name, "trunks"].map(str::to_owned).to_vec();
            wrong.push((key, format!("there is no trunk {trunk:?}{hint}")));
        }
    }
    wrong
}

/// Every call that may be up finds an even port (RFC 3550 §11).
fn fit_ports(config: &Config) -> Option<Disagreement> {
    let Rtp { port_min, port_max, .. } = config.rtp;
    let even_ports = usize::from((port_max - port_min) / 2) + 1;
    let channels: usize = config.trunks.values().map(|trunk| trunk.channels_max).sum();
    let calls = channels.min(config.calls.calls_max);
    (calls > even_ports).then(|| {
        let key = ["rtp", "port_max"].map(str::to_owned).to_vec();
        let message = format!(
            "there may be {calls} calls at once, but {port_min} to {port_max} has ports for \
             {even_ports}; widen the range or lower calls_max"
        );
        (key, message)
    })
}
