//! Reads the tables of `src/ARCHITECTURE.md`.

use std::collections::{BTreeMap, BTreeSet};

/// What the map allows.
#[derive(Debug, Default)]
pub struct Map {
    /// Which modules a module may import; `None` means all.
    imports: BTreeMap<String, Option<BTreeSet<String>>>,
    /// Where a crate may be named: files or folders under `src/`.
    pub fences: BTreeMap<String, Vec<String>>,
    /// The deterministic modules.
    pub core: Vec<String>,
    /// The modules that every other may import.
    values: Vec<String>,
}

const IMPORTS: &str = "| module |";
const FENCES: &str = "| crate |";

impl Map {
    /// Reads the table that starts with a column `module` and the one that starts with `crate`.
    pub fn parse(text: &str) -> Map {
        let mut map = Map::default();
        let mut table = "";
        for line in text.lines() {
            match line {
                _ if line.starts_with(IMPORTS) => table = IMPORTS,
                _ if line.starts_with(FENCES) => table = FENCES,
                _ if !line.starts_with('|') => table = "",
                _ if line.starts_with("|---") => {}
                _ if table == IMPORTS => map.import_row(line),
                _ if table == FENCES => map.fence_row(line),
                _ => {}
            }
        }
        map.everyone_may_import_values();
        map
    }

    /// Every module in the table of imports, in order.
    pub fn modules(&self) -> Vec<String> {
        self.imports.keys().cloned().collect()
    }

    /// Whether `from` may import `to`.
    pub fn allows(&self, from: &str, to: &str) -> bool {
        let allowed = |row: &Option<BTreeSet<String>>| match row {
            None => true,
            Some(modules) => modules.contains(to),
        };
        from == to || self.imports.get(from).is_some_and(allowed)
    }

    fn import_row(&mut self, line: &str) {
        let columns: Vec<&str> = line.split('|').collect();
        let [_, modules, layer, may, ..] = columns[..] else { panic!("a short row: {line}") };
        let may: BTreeSet<String> = quoted(may).into_iter().collect();
        for module in quoted(modules) {
            match layer.trim() {
                "values" => self.values.push(module.clone()),
                "core" => self.core.push(module.clone()),
                _ => {}
            }
            let may = (!line.contains("| all |")).then(|| may.clone());
            assert!(self.imports.insert(module.clone(), may).is_none(), "{module} has two rows");
        }
    }

    fn fence_row(&mut self, line: &str) {
        let columns: Vec<&str> = line.split('|').collect();
        let [_, names, places, ..] = columns[..] else { panic!("a short row: {line}") };
        for name in quoted(names) {
            self.fences.insert(name, quoted(places));
        }
    }

    fn everyone_may_import_values(&mut self) {
        for may in self.imports.values_mut().flatten() {
            may.extend(self.values.iter().cloned());
        }
    }
}

/// The words of a cell that stand between backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(|word| word.trim_end_matches('/').to_owned()).collect()
}

#[test]
fn the_tables_are_read() {
    let map = Map::parse(
        "| module | layer | may import besides VALUES |\n|---|---|---|\n\
         | `time` | values | each other |\n| `sip` `media` | core | nothing of ours |\n\
         | `call` | core | `sip` `media` |\n\
         | `cli` | top | all |\n\ntext\n\n\
         | crate | only in |\n|---|---|\n| `axum` | `api/` `console/` |\n",
    );
    assert_eq!(map.modules(), ["call", "cli", "media", "sip", "time"]);
    assert_eq!(map.core, ["sip", "media", "call"]);
    assert!(map.allows("call", "sip") && map.allows("sip", "sip") && map.allows("sip", "time"));
    assert!(!map.allows("sip", "media") && !map.allows("sip", "call"));
    assert!(map.allows("cli", "call") && !map.allows("unknown", "sip"));
    assert_eq!(map.fences["axum"], ["api", "console"]);
}
