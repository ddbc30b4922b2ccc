//! The SIP user agent on the wire: literal text on both sides, exact times on a virtual clock.

mod auth;
mod calls;
mod cancel;
mod carriers;
mod forks;
mod garbage;
mod inside;
mod storm;
mod strangers;
mod timers;
mod world;
