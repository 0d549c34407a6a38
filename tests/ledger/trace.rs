//! `specs/TRACE.md`: each requirement on the engine with the tests that show it. `checks/trace.sh --update` writes it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use crate::requirements::{Row, all_citations, exceptions, path, read, rows};

fn page() -> String {
    let rows = rows();
    let (citations, _) = all_citations();
    let exceptions = exceptions();
    let tests = |id: &str| -> BTreeSet<(&str, &str)> {
        let cited = citations.iter().filter(|citation| citation.id == id);
        cited
            .map(|citation| (&*citation.file, &*citation.test))
            .collect()
    };
    let reason = |id: &str| {
        let listed = exceptions
            .iter()
            .find(|exception| exception.ids.iter().any(|other| other == id));
        listed.map(|exception| &*exception.reason)
    };

    let engine: Vec<&Row> = rows.iter().filter(|row| row.is_engine()).collect();
    let (mut shown, mut reasons, mut open) = (0, 0, 0);
    let mut body = String::new();
    let mut heading = String::new();
    for row in &engine {
        let section = section(row);
        if section != heading {
            let table = "| requirement | level | in our words | tests |\n|---|---|---|---|";
            write!(body, "\n## {section}\n\n{table}\n").unwrap();
            heading = section;
        }
        let tests = tests(&row.id);
        let links: Vec<String> = tests
            .iter()
            .map(|(file, test)| format!("[`{test}`](../tests/{file})"))
            .collect();
        let by = match (links.is_empty(), reason(&row.id)) {
            (false, _) => {
                shown += 1;
                links.join("<br>")
            }
            (true, Some(reason)) => {
                reasons += 1;
                format!("none: {reason}")
            }
            (true, None) => {
                open += 1;
                "none: it is optional".to_owned()
            }
        };
        let asks = row.requirement.replace('|', "\\|");
        writeln!(body, "| {} | {} | {asks} | {by} |", row.id, row.level).unwrap();
    }
    let others = rows.len() - engine.len();
    format!(
        "# Requirements and their tests\n\n\
         Written by `checks/trace.sh --update` from [requirements.toml](requirements.toml), which has the requirements in \
         our own words,\nfrom [exceptions.toml](exceptions.toml), and from the tests, which cite the requirements that they \
         show. A test fails when\nthis page is not current.\n\n\
         The engine has {} requirements: {shown} are shown by a test, {reasons} have a reason why not, {open} are optional \
         (MAY) and not\ncited. Another {others} are for the program around it: sockets, TLS, DNS, policy.\n{body}",
        engine.len()
    )
}

fn section(row: &Row) -> String {
    let source = row.source.replace("RFC", "RFC ");
    let part = row
        .section
        .split(['(', ',', ';'])
        .next()
        .unwrap_or_default();
    format!("{source}, section {}", part.trim())
}

#[test]
fn the_page_of_requirements_is_current() {
    let file = path("specs/TRACE.md");
    if std::env::var_os("WS_PROTO_UPDATE").is_some() {
        fs::write(&file, page()).unwrap();
    }
    let is_current = read(&file) == page();
    assert!(
        is_current,
        "`checks/trace.sh --update` writes specs/TRACE.md"
    );
}
