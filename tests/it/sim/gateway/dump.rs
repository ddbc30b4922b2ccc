//! The database as a stranger reads it: every text that is stored, for the search for secrets.

use super::process::database;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::path::Path;

/// All text of all columns, one line each.
pub async fn stored_text(folder: &Path) -> String {
    let url = format!("{}?mode=ro", database(folder));
    let mut db = SqliteConnection::connect(&url).await.expect("the database opens");
    let tables = "select name from sqlite_schema where type = 'table' order by name";
    let tables: Vec<String> =
        sqlx::query_scalar(tables).fetch_all(&mut db).await.expect("a list of tables");
    let mut text = String::new();
    for table in tables {
        let columns = "select name from pragma_table_info($1) where type like '%text%' order by 1";
        let columns: Vec<String> = sqlx::query_scalar(columns)
            .bind(&table)
            .fetch_all(&mut db)
            .await
            .expect("a list of columns");
        for column in columns {
            let all =
                format!("select \"{column}\" from \"{table}\" where \"{column}\" is not null");
            let values: Vec<String> = sqlx::query_scalar(AssertSqlSafe(all))
                .fetch_all(&mut db)
                .await
                .expect("a column of text");
            text.extend(values.into_iter().map(|value| value + "\n"));
        }
    }
    text
}

/// Changes what is stored behind the gateway's back.
pub async fn meddle(folder: &Path, sql: &'static str) {
    let mut db = SqliteConnection::connect(&database(folder)).await.expect("the database opens");
    sqlx::query(sql).execute(&mut db).await.expect("the statement fits the tables");
}
