//! A request for a verification, read and judged before anything is looked up.

use super::error::StartError;
use super::service::Service;
use crate::number::Number;
use crate::verify::destination::{Destination, Extension, deny, deny_as_written};
use crate::verify::verification::Purpose;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a verification is for when the request does not say.
const PURPOSE_DEFAULT: &str = "login";

/// A request for a verification as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct StartRequest {
    /// The number, international or in the service's region, with or without `;ext=`.
    pub to: String,
    /// The extension, if it is not in `to`.
    pub extension: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// The language to speak (BCP 47).
    pub locale: Option<String>,
    /// The service's opaque id of the person.
    pub entity: Option<String>,
    /// Where the person's browser is. Judged by limits that are not there yet, and not kept.
    pub client_ip: Option<IpAddr>,
    /// What the service stores with it.
    pub metadata: BTreeMap<String, String>,
}

/// The same request, understood and allowed.
pub(super) struct Wish {
    pub(super) to: Destination,
    pub(super) purpose: Purpose,
    pub(super) locale: String,
    pub(super) locale_used: String,
    pub(super) entity: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Wish {
    /// Judges `request` by the rules of `service`.
    pub(super) fn of(service: &Service, request: StartRequest) -> Result<Wish, StartError> {
        let purpose = request.purpose.as_deref().unwrap_or(PURPOSE_DEFAULT);
        let purpose = purpose.parse().map_err(StartError::Purpose)?;
        let locale = request.locale.unwrap_or_else(|| service.locale.clone());
        let locale_used = service.locale_for(&locale).ok_or(StartError::Locale)?;
        Ok(Wish {
            to: destination(service, &request.to, request.extension)?,
            purpose,
            locale,
            locale_used,
            entity: request.entity,
            metadata: request.metadata,
        })
    }

    /// The number as it may be shown.
    pub(super) fn masked(&self) -> String {
        let mut masked = self.to.number.masked();
        if self.to.extension.is_some() {
            masked.push_str(";ext=•••");
        }
        masked
    }
}

fn destination(
    service: &Service,
    to: &str,
    extension: Option<String>,
) -> Result<Destination, StartError> {
    let (number, within) = match to.split_once(";ext=") {
        Some((number, extension)) => (number, Some(extension.to_owned())),
        None => (to, None),
    };
    if within.is_some() && extension.is_some() {
        return Err(StartError::TwoExtensions);
    }
    let extension: Option<Extension> = within
        .or(extension)
        .map(|digits| digits.parse().map_err(|_| StartError::Extension))
        .transpose()?;
    // An emergency number is no valid E.164 number, and deserves to be named.
    let parsed = Number::parse(number, service.default_region.as_deref());
    let number = parsed.map_err(|error| match deny_as_written(number, None) {
        Some(reason) => StartError::Denied(reason),
        None => StartError::Number(error),
    })?;
    match deny(&number, service.policy.countries()) {
        Some(reason) => Err(StartError::Denied(reason)),
        None => Ok(Destination { number, extension }),
    }
}
