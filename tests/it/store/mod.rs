//! The conformance suite of the store: what every database under it must do, run on SQLite and on
//! PostgreSQL; and, for SQLite alone, what a broken file looks like.

/// Makes each named `async fn(World)` of a file a test on both databases.
macro_rules! conformance {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name(crate::store::world::World::on_sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name(crate::store::world::World::on_postgres().await).await;
            })*
        }
    };
}

mod attempts;
mod broken;
mod checks;
mod flow;
mod idempotency;
mod keys;
mod pending;
mod postgres;
mod transactions;
mod world;
