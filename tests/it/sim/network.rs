//! A network that delays, loses, copies and overtakes, all from one seed.

use super::dice::Dice;
use belfry::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What the network does to a datagram.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    pub delay_ms: (u64, u64),
    pub loss_percent: u64,
    pub copy_percent: u64,
}

impl Weather {
    /// Every datagram arrives, in order, after the same time.
    pub const CALM: Weather = Weather { delay_ms: (15, 15), loss_percent: 0, copy_percent: 0 };
    /// What a good line across a country does.
    pub const FAIR: Weather = Weather { delay_ms: (10, 45), loss_percent: 1, copy_percent: 1 };
    /// Datagrams overtake one another all the time.
    pub const ROUGH: Weather = Weather { delay_ms: (5, 300), loss_percent: 8, copy_percent: 8 };
    /// Worse than any line one would place calls on.
    pub const STORM: Weather =
        Weather { delay_ms: (20, 1_500), loss_percent: 30, copy_percent: 20 };

    pub fn is_calm(&self) -> bool {
        self.loss_percent == 0 && self.delay_ms.0 == self.delay_ms.1
    }

    pub fn draw(dice: &mut Dice) -> Weather {
        dice.pick(&[
            Weather::CALM,
            Weather::CALM,
            Weather::FAIR,
            Weather::FAIR,
            Weather::ROUGH,
            Weather::STORM,
        ])
    }
}

/// Something under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parcel {
    /// A datagram for the address `to`, on a SIP port or an RTP port.
    Datagram { from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    /// The news that nothing gets to `to` (ICMP), for the gateway.
    Unreachable { to: SocketAddr },
}

/// Everything under way.
pub struct Network {
    weather: Weather,
    dice: Dice,
    under_way: BTreeMap<(Instant, u64), Parcel>,
    serial: u64,
}

impl Network {
    pub fn new(weather: Weather, dice: Dice) -> Network {
        Network { weather, dice, under_way: BTreeMap::new(), serial: 0 }
    }

    pub fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let mut copies = 1;
        if self.dice.chance(self.weather.copy_percent) {
            copies += 1;
        }
        for _ in 0..copies {
            if !self.dice.chance(self.weather.loss_percent) {
                let (least, most) = self.weather.delay_ms;
                let delay = self.dice.millis(least, most);
                let bytes = bytes.clone();
                self.put(now + delay, Parcel::Datagram { from, to, bytes });
            }
        }
    }

    /// Tells the gateway that nothing gets to `to`.
    pub fn refuse(&mut self, now: Instant, to: SocketAddr) {
        let delay = Duration::from_millis(self.weather.delay_ms.0);
        self.put(now + delay, Parcel::Unreachable { to });
    }

    /// Lets a parcel arrive at `at`.
    pub fn put(&mut self, at: Instant, parcel: Parcel) {
        self.serial += 1;
        self.under_way.insert((at, self.serial), parcel);
    }

    pub fn next_at(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|&(at, _)| at)
    }

    /// The next parcel that has arrived by `now`.
    pub fn arrived(&mut self, now: Instant) -> Option<Parcel> {
        let entry = self.under_way.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// The gateway's machine went down: what is on its way to it arrives nowhere.
    pub fn forget_all_to(&mut self, gone: impl Fn(SocketAddr) -> bool) {
        self.under_way.retain(|_, parcel| match parcel {
            Parcel::Datagram { to, .. } => !gone(*to),
            Parcel::Unreachable { .. } => false,
        });
    }
}
