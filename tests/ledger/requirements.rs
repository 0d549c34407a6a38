//! The trace from requirements to tests: `specs/requirements.toml` is the ledger of what RFC 6455
//! and its companions ask for, `specs/exceptions.toml` lists the requirements that are not shown and why, and tests
//! cite the rows that they show:
//!
//! ```text
//! // shows: RFC6455-5.1-03, RFC6455-7.1.7-03
//! assert_eq!(error, ProtocolError::MaskMissing);
//! ```
//!
//! A citation stands in a `#[test]` function, directly above the assertion that shows the row, or
//! above a row of a table that is asserted on further down in the same function.

#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What a citation looks like, at the start of a line.
const MARK: &str = concat!("// ", "shows:");

/// A row of the ledger.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) section: String,
    pub(crate) level: String,
    area: String,
    pub(crate) requirement: String,
    pub(crate) applies_to_engine: String,
}

impl Row {
    pub(crate) fn is_engine(&self) -> bool {
        self.applies_to_engine == "yes"
    }

    /// All but MAY: the rows to cite or list.
    fn is_due(&self) -> bool {
        self.is_engine() && self.level != "MAY"
    }
}

/// An entry of the exceptions: rows that no test shows, for one reason.
#[derive(Debug, Default)]
pub(crate) struct Exception {
    pub(crate) ids: Vec<String>,
    pub(crate) reason: String,
}

/// Where a row is cited.
#[derive(Debug)]
pub(crate) struct Citation {
    pub(crate) id: String,
    /// The file, below `tests`.
    pub(crate) file: String,
    /// The name of the test.
    pub(crate) test: String,
    place: String,
}

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text between the first two quotes.
fn quoted(text: &str) -> String {
    let text = text.split('"').nth(1);
    text.unwrap_or_else(|| panic!("no string")).to_owned()
}

/// A whole string, with quotes in it.
fn unescaped(text: &str) -> String {
    let text = text.trim().trim_start_matches('"').trim_end_matches('"');
    text.replace("\\\"", "\"").replace("\\\\", "\\")
}

/// Reads the ledger: tables of single-line strings. Of these only plain words are needed.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in read(&path("specs/requirements.toml")).lines() {
        if line == "[[requirement]]" {
            rows.push(Row::default());
        }
        let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let row = rows.last_mut().expect("a row before its keys");
        match key {
            "id" => row.id = quoted(value),
            "source" => row.source = quoted(value),
            "section" => row.section = quoted(value),
            "requirement" => row.requirement = unescaped(value),
            "area" => row.area = quoted(value),
            "level" => row.level = quoted(value),
            "applies_to_engine" => row.applies_to_engine = quoted(value),
            _ => {}
        }
    }
    rows
}

/// Reads the exceptions: tables of `reason = "..."` and `ids = ["...", ...]`, over several lines.
pub(crate) fn exceptions() -> Vec<Exception> {
    let mut exceptions: Vec<Exception> = Vec::new();
    for line in read(&path("specs/exceptions.toml")).lines() {
        let line = line.trim();
        if line == "[[exception]]" {
            exceptions.push(Exception::default());
        } else if line.starts_with("reason = ") {
            let last = exceptions.last_mut().expect("a table before its keys");
            last.reason = quoted(line);
        } else if !line.starts_with('#') {
            let ids = line.split('"').skip(1).step_by(2).map(str::to_owned);
            if let Some(last) = exceptions.last_mut() {
                last.ids.extend(ids);
            }
        }
    }
    exceptions
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder of the tests") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Where the `#[test]` functions of a formatted file are: first and last line.
fn test_functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        if line.trim() == "#[test]" {
            let end = format!("{}}}", " ".repeat(indent(line)));
            let length = lines[start..].iter().position(|line| *line == end);
            functions.push((start, start + length.expect("the end of a test")));
        }
    }
    functions
}

/// The name of the test that begins with these lines.
fn name_of(lines: &[&str]) -> String {
    let line = lines.iter().find_map(|line| line.split_once("fn "));
    let name = line.and_then(|(_, rest)| rest.split_once('('));
    name.map_or_else(String::new, |(name, _)| name.to_owned())
}

/// A line that compares something with an expected value.
fn is_assertion(line: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with("//")
        && ["assert", "check", "refused("]
            .iter()
            .any(|word| line.contains(word))
}

/// A line with which a row of a table starts.
fn is_table_row(line: &str) -> bool {
    let starts = ["(", "[", "&[", "\"", "b\"", "vec![", "frame(", "Call::"];
    starts
        .iter()
        .any(|start| line.trim_start().starts_with(start))
}

/// The citations of a file, and faults of their places.
fn citations(name: &str, text: &str) -> (Vec<Citation>, Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    let functions = test_functions(&lines);
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        let Some(ids) = line.trim_start().strip_prefix(MARK) else {
            if line.contains(MARK) {
                faults.push(format!(
                    "{name}:{}: a citation is a line of its own",
                    at + 1
                ));
            }
            continue;
        };
        let place = format!("{name}:{}", at + 1);
        let inside = functions
            .iter()
            .find(|(start, end)| (start..end).contains(&&at));
        for id in ids.split(',') {
            found.push(Citation {
                id: id.trim().to_owned(),
                file: name.to_owned(),
                test: inside.map_or_else(String::new, |(start, _)| name_of(&lines[*start..])),
                place: place.clone(),
            });
        }
        let Some((_, end)) = inside else {
            faults.push(format!("{place}: not in a test"));
            continue;
        };
        let comments = lines[at..]
            .iter()
            .take_while(|line| line.trim_start().starts_with("//"))
            .count();
        let next = at + comments;
        let asserted = lines[next..(next + 3).min(*end)]
            .iter()
            .any(|line| is_assertion(line));
        let in_table =
            is_table_row(lines[next]) && lines[next..*end].iter().any(|line| is_assertion(line));
        if !asserted && !in_table {
            faults.push(format!("{place}: no assertion below"));
        }
    }
    (found, faults)
}

pub(crate) fn all_citations() -> (Vec<Citation>, Vec<String>) {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for source in sources(&path("tests")) {
        if source.ends_with("ledger/requirements.rs") {
            continue;
        }
        let name = source.strip_prefix(path("tests")).unwrap_or(&source);
        let name = name.to_string_lossy();
        let (more, wrong) = citations(&name, &read(&source));
        found.extend(more);
        faults.extend(wrong);
    }
    (found, faults)
}

/// How many rows of an area and a level there are, and how many of them are cited and listed.
#[derive(Default)]
struct Count {
    cited: usize,
    listed: usize,
    total: usize,
}

fn report(rows: &[Row], cited: &BTreeSet<&str>, listed: &BTreeSet<&str>) -> String {
    const LEVELS: [&str; 5] = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"];
    let mut areas: BTreeMap<&str, BTreeMap<&str, Count>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.is_engine()) {
        for area in [row.area.as_str(), "~ all"] {
            let count = areas.entry(area).or_default();
            let count = count.entry(row.level.as_str()).or_default();
            count.total += 1;
            count.cited += usize::from(cited.contains(row.id.as_str()));
            count.listed += usize::from(listed.contains(row.id.as_str()));
        }
    }
    let mut text = String::from("\nrequirements of the engine: cited + listed / all\n");
    text += &format!("{:18}", "area");
    LEVELS
        .iter()
        .for_each(|level| text += &format!("{level:>16}"));
    for (area, levels) in areas {
        text += &format!("\n{:18}", area.trim_start_matches("~ "));
        for level in LEVELS {
            let cell = levels.get(level).map_or(String::new(), |count| {
                format!("{} + {} / {}", count.cited, count.listed, count.total)
            });
            text += &format!("{cell:>16}");
        }
    }
    text + "\n"
}

#[test]
fn every_requirement_is_shown_by_a_test_or_listed() {
    let rows = rows();
    assert!(rows.len() > 600, "{} rows", rows.len());
    let known: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
    assert_eq!(known.len(), rows.len(), "an id is there twice");
    let (citations, mut faults) = all_citations();
    let exceptions = exceptions();

    let mut cited = BTreeSet::new();
    for Citation { id, place, .. } in &citations {
        cited.insert(id.as_str());
        if !known.contains_key(id.as_str()) {
            faults.push(format!("{place}: there is no {id}"));
        }
    }
    let mut listed = BTreeSet::new();
    for Exception { ids, reason } in &exceptions {
        if reason.len() < 20 || ids.is_empty() {
            faults.push(format!(
                "exceptions.toml: {ids:?} has the reason {reason:?}"
            ));
        }
        for id in ids {
            if !listed.insert(id.as_str()) {
                faults.push(format!("exceptions.toml: {id} is there twice"));
            }
            match known.get(id.as_str()) {
                None => faults.push(format!("exceptions.toml: there is no {id}")),
                Some(row) if !row.is_engine() => {
                    faults.push(format!("exceptions.toml: {id} is not the engine's"));
                }
                Some(_) => {}
            }
            if cited.contains(id.as_str()) {
                faults.push(format!("exceptions.toml: {id} is cited"));
            }
        }
    }
    for row in rows.iter().filter(|row| row.is_due()) {
        if !cited.contains(row.id.as_str()) && !listed.contains(row.id.as_str()) {
            faults.push(format!(
                "{} {} is neither shown nor listed",
                row.level, row.id
            ));
        }
    }
    // Past the capture of the test harness: this is to be seen.
    let text = report(&rows, &cited, &listed);
    std::io::stdout().write_all(text.as_bytes()).unwrap();
    assert!(faults.is_empty(), "{}\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn citations_in_wrong_places_are_found() {
    let cite = format!("{MARK} A-1, A-2\n");
    let test = |body: &str| format!("#[test]\nfn name() {{\n{body}\n}}\n");
    let faults = |text: &str| citations("x", text).1.len();

    let good = test(&format!("    {cite}    assert!(true);"));
    let (found, wrong) = citations("x", &good);
    assert_eq!((found.len(), wrong.len()), (2, 0));
    assert_eq!((&found[1].id[..], &found[1].place[..]), ("A-2", "x:3"));
    assert_eq!(
        faults(&test(&format!("    {cite}    {cite}    assert!(1);"))),
        0
    );
    assert_eq!(
        faults(&test(&format!("    {cite}    let a = 1;\n    assert!(a);"))),
        0
    );

    assert_eq!(faults(&cite), 1, "in no function");
    let helper = good.replace("#[test]", "#[inline]");
    assert_eq!(faults(&helper), 1, "in a function that is no test");
    assert_eq!(faults(&format!("{cite}{good}")), 1, "above a test");
    assert_eq!(faults(&test(&format!("    {cite}    let a = 1;"))), 1);
    let far = format!("    {cite}    a();\n    b();\n    c();\n    assert!(1);");
    assert_eq!(faults(&test(&far)), 1, "too far above");
    assert_eq!(
        faults(&test(&format!("    assert!(1);\n    {cite}"))),
        1,
        "below it"
    );
    assert_eq!(
        faults(&test(&format!("    assert!(1); {cite}"))),
        1,
        "after it"
    );

    let table = format!("    for a in [\n        {cite}        (1, 2),\n    ] {{\n");
    assert_eq!(
        faults(&test(&format!(
            "{table}    x();\n    y();\n    assert!(a);\n    }}"
        ))),
        0
    );
    assert_eq!(
        faults(&test(&format!("{table}        use_it(a);\n    }}"))),
        1
    );
}
