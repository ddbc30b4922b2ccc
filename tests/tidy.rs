//! Keeps the house in order: who imports whom, one place for each crate, no banned word, no file
//! that grew too long. The rules' tables stand in `src/ARCHITECTURE.md`, where people read them.

#[path = "tidy/map.rs"]
mod map;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use map::Map;
use rules::Finding;
use source::Source;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under `folder`, its path from there.
fn sources(folder: &str) -> Vec<Source> {
    let folder = root().join(folder);
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a source file is UTF-8 text");
        let name = path.strip_prefix(&folder).expect("it was found in there");
        Source::parse(name.to_str().expect("a UTF-8 name"), &text)
    };
    files.iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the package") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn map() -> Map {
    let path = root().join("src/ARCHITECTURE.md");
    Map::parse(&fs::read_to_string(path).expect("the map is there"))
}

fn assert_none(findings: Vec<Finding>) {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

fn in_all(folder: &str, rule: impl Fn(&Source) -> Vec<Finding>) -> Vec<Finding> {
    sources(folder).iter().flat_map(rule).collect()
}

#[test]
fn the_map_names_each_module_once_and_none_that_is_not_there() {
    let mut present: Vec<String> = sources("src").iter().map(|s| s.module().to_owned()).collect();
    present.sort();
    present.dedup();
    present.retain(|module| module != "lib");
    assert_eq!(map().modules(), present, "left: ARCHITECTURE.md, right: src/");
}

#[test]
fn modules_import_only_what_the_map_allows() {
    let map = map();
    assert_none(in_all("src", |source| rules::imports(source, &map)));
}

#[test]
fn each_crate_is_named_in_its_one_place() {
    let map = map();
    assert!(map.fences.len() > 10, "the table of crates was found");
    assert_none(in_all("src", |source| rules::fences(source, &map)));
}

#[test]
fn the_core_holds_no_runtime_clock_socket_file_or_hash_order() {
    let map = map();
    let core = |source: &Source| map.core.iter().any(|module| module == source.module());
    assert!(!map.core.is_empty(), "the list of core modules was found");
    assert_none(in_all("src", |s| if core(s) { rules::core_words(s) } else { Vec::new() }));
}

#[test]
fn only_the_edges_read_a_clock() {
    let edges = ["net", "robot"];
    let is_edge = |source: &Source| edges.contains(&source.module());
    assert_none(in_all("src", |s| if is_edge(s) { Vec::new() } else { rules::clocks(s) }));
}

#[test]
fn only_the_terminal_prints() {
    let is_cli = |source: &Source| source.module() == "cli";
    assert_none(in_all("src", |s| if is_cli(s) { Vec::new() } else { rules::prints(s) }));
}

#[test]
fn nothing_is_left_undone_ignored_or_slept_through() {
    assert_none(in_all("src", rules::banned));
    assert_none(in_all("tests/it", rules::banned_in_tests));
}

#[test]
fn files_and_lines_are_short() {
    assert_none(in_all("src", rules::too_long));
    assert_none(in_all("tests", rules::lines_too_long));
}
