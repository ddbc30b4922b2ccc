//! From the configuration to the parts: who is called how, and which address is told to whom.

use crate::call::{EngineConfig, NumberFormat, Pauses, ScriptPolicy, Trunk};
use crate::config::{self, Config};
use crate::gateway::Service;
use crate::media::PromptLibrary;
use crate::sip::{Credentials, TimerConfig, UserAgentConfig};
use crate::verify::policy::{PolicyError, PolicySettings, ServicePolicy};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Why the configuration does not make a gateway.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A trunk's name has no address.
    #[error("trunk `{trunk}`: cannot find an address for `{host}`: {source}")]
    Resolve {
        /// The trunk.
        trunk: String,
        /// The host of its URI.
        host: String,
        /// Why not.
        source: io::Error,
    },
    /// A trunk has addresses, but none of the family we listen on.
    #[error("trunk `{trunk}`: `{host}` has no address reachable from `sip.listen` {listen}")]
    Family {
        /// The trunk.
        trunk: String,
        /// The host of its URI.
        host: String,
        /// Our own address.
        listen: SocketAddr,
    },
    /// No route to a trunk, so that it is unknown which address to tell it.
    #[error(
        "no way to the trunk at {target}: {source}; give `sip.advertised` the address it reaches \
         this gateway at"
    )]
    Route {
        /// Where the trunk is.
        target: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A service's policy is out of bounds.
    #[error("service `{service}`: {source}")]
    Policy {
        /// The service.
        service: String,
        /// Which setting, and what would be right.
        source: PolicyError,
    },
    /// A service's language has no prompts.
    #[error(
        "service `{service}`: there are no prompts for its locale `{locale}`; there are: {present}"
    )]
    Locale {
        /// The service.
        service: String,
        /// The locale wanted.
        locale: String,
        /// The locales there are.
        present: String,
    },
}

/// Finds the address of every trunk.
///
/// # Errors
/// [`BuildError::Resolve`] or [`BuildError::Family`], naming the trunk.
pub async fn trunks(config: &Config) -> Result<Vec<Trunk>, BuildError> {
    let mut trunks = Vec::new();
    for (name, trunk) in &config.trunks {
        let (host, port) = (&trunk.uri.host, trunk.uri.port);
        let resolved = tokio::net::lookup_host((host.as_str(), port)).await;
        let mut addresses = resolved.map_err(|source| BuildError::Resolve {
            trunk: name.clone(),
            host: host.clone(),
            source,
        })?;
        let ours = config.sip.listen;
        let target = addresses.find(|address| address.is_ipv4() == ours.is_ipv4());
        let target = target.ok_or_else(|| BuildError::Family {
            trunk: name.clone(),
            host: host.clone(),
            listen: ours,
        })?;
        let written = trunk.uri.to_string();
        trunks.push(Trunk {
            name: name.clone(),
            target,
            host: written.trim_start_matches("sip:").to_owned(),
            credentials: trunk.credentials.as_ref().map(|given| Credentials {
                username: given.username.clone(),
                password: given.password.clone(),
            }),
            caller_id: trunk.caller_id.clone(),
            number_format: match trunk.number_format {
                config::NumberFormat::E164Plus => NumberFormat::E164Plus,
                config::NumberFormat::E164 => NumberFormat::E164,
            },
            setup_timeout: trunk.setup_timeout,
            channels_max: trunk.channels_max,
        });
    }
    Ok(trunks)
}

/// The engine's settings; `sip` is the address its socket was bound to.
///
/// # Errors
/// [`BuildError::Route`] if the address to tell the trunks is not configured and cannot be found.
pub fn engine(
    config: &Config,
    sip: SocketAddr,
    trunks: Vec<Trunk>,
) -> Result<EngineConfig, BuildError> {
    let local = match config.sip.advertised {
        Some(advertised) => advertised,
        None if !sip.ip().is_unspecified() => sip,
        None => SocketAddr::new(address_towards(trunks.first().map(|t| t.target))?, sip.port()),
    };
    let rtp_address = match config.rtp.advertised {
        Some(advertised) => advertised,
        None if !config.rtp.listen.is_unspecified() => config.rtp.listen,
        None => local.ip(),
    };
    Ok(EngineConfig {
        user_agent: UserAgentConfig {
            local,
            user_agent: config.sip.user_agent.clone(),
            timers: TimerConfig { t1: config.sip.t1, t2: config.sip.t2, t4: config.sip.t4 },
            trunk_addresses: trunks.iter().map(|trunk| trunk.target.ip()).collect(),
        },
        rtp_address,
        rtp_ports: (config.rtp.port_min, config.rtp.port_max),
        rtp_quarantine: config.rtp.quarantine,
        calls_max: trunks.iter().map(|trunk| trunk.channels_max).sum(),
        trunks,
    })
}

/// The address packets to `target` leave from, as the routing table says. Sends nothing.
fn address_towards(target: Option<SocketAddr>) -> Result<IpAddr, BuildError> {
    let Some(target) = target else { return Ok(IpAddr::from([127, 0, 0, 1])) };
    let any: IpAddr = if target.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let probe = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect(target)?;
        socket.local_addr()
    });
    probe.map(|local| local.ip()).map_err(|source| BuildError::Route { target, source })
}

/// The services by name, each with its policy checked and its language there.
///
/// # Errors
/// [`BuildError::Policy`] or [`BuildError::Locale`], naming the service.
pub fn services(
    config: &Config,
    prompts: &PromptLibrary,
) -> Result<BTreeMap<String, Service>, BuildError> {
    let one = |(name, service): (&String, &config::Service)| {
        Ok((name.clone(), self::service(config, prompts, name, service)?))
    };
    config.services.iter().map(one).collect()
}

fn service(
    config: &Config,
    prompts: &PromptLibrary,
    name: &str,
    service: &config::Service,
) -> Result<Service, BuildError> {
    let settings = PolicySettings {
        code_length: service.code_length,
        ttl: service.ttl,
        checks_max: service.checks_max,
        sends_max: service.sends_max,
        resend_after: service.resend_after.clone(),
        human_check_digits: service.human_check_digits,
        readings: service.readings,
        ring_timeout: service.ring_timeout,
        countries: service.countries.iter().cloned().collect(),
    };
    let policy = ServicePolicy::new(settings)
        .map_err(|source| BuildError::Policy { service: name.to_owned(), source })?;
    let locales: Vec<String> = prompts.locales().map(str::to_owned).collect();
    if prompts.find(&service.locale).is_none() {
        return Err(BuildError::Locale {
            service: name.to_owned(),
            locale: service.locale.clone(),
            present: locales.join(", "),
        });
    }
    Ok(Service {
        policy,
        locale: service.locale.clone(),
        locales,
        default_region: service.default_region.clone(),
        trunks: service.trunks.clone(),
        script: script(config, service),
    })
}

fn script(config: &Config, service: &config::Service) -> ScriptPolicy {
    let calls = &config.calls;
    let pauses = service.pauses;
    ScriptPolicy {
        human_check_digits: service.human_check_digits,
        human_check_prompts: calls.human_check_prompts,
        human_check_wait: calls.human_check_timeout,
        readings: service.readings,
        repeats_on_request: service.repeats_on_request,
        repeat_wait: calls.repeat_wait,
        lead_in: calls.lead_in,
        pauses: Pauses {
            before_code: pauses.before_code,
            digit: pauses.digit,
            group: pauses.group,
            reading: pauses.between_readings,
            sentence: pauses.sentence,
            around_check_digit: pauses.around_check_digit,
        },
        ring_timeout: service.ring_timeout,
        call_max: calls.call_max,
    }
}
