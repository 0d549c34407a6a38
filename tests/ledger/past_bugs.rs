//! `PAST_BUGS.md` is true: every test that it names exists, and no number is missing.
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// All numbers that have to be in one of the two tables.
fn numbers() -> BTreeSet<String> {
    let letters = [('A', 6), ('B', 4), ('C', 6), ('D', 12), ('E', 5), ('F', 9)];
    let classes = letters
        .into_iter()
        .flat_map(|(letter, last)| (1..=last).map(move |n| format!("{letter}{n}")));
    (1..=115).map(|n| n.to_string()).chain(classes).collect()
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of each row of the tables, without their headings.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| number"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// `7` or `64 to 82`.
fn expand(number: &str) -> Vec<String> {
    match number.split_once(" to ") {
        None => vec![number.to_owned()],
        Some((first, last)) => {
            let ends: Vec<u32> = [first, last].map(|n| n.parse().expect("a number")).into();
            (ends[0]..=ends[1]).map(|n| n.to_string()).collect()
        }
    }
}

/// Whether `source` has a test of that name.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let declared = format!("fn {name}(");
    lines.iter().enumerate().any(|(at, line)| {
        let above = &lines[at.saturating_sub(2)..at];
        line.starts_with(&declared) && above.contains(&"#[test]")
    })
}

#[test]
fn every_past_bug_has_a_test_that_exists() {
    let text = read("ledger/PAST_BUGS.md");
    let (tests, left_out) = text.split_once("## Left out").expect("two tables");
    let (tests, left_out) = (rows(tests), rows(left_out));
    assert!(tests.len() > 100 && !left_out.is_empty());

    let mut faults = Vec::new();
    let mut shown = BTreeSet::new();
    for row in &tests {
        let [number, test, text] = row[..] else {
            faults.push(format!("three cells: {row:?}"));
            continue;
        };
        let name = test.trim_matches('`');
        let [program, module, function] = name.split("::").collect::<Vec<_>>()[..] else {
            faults.push(format!("{number}: program::module::test: {test}"));
            continue;
        };
        if !has_test(&read(&format!("{program}/{module}.rs")), function) {
            faults.push(format!("{number}: there is no test {name}"));
        }
        if text.is_empty() {
            faults.push(format!("{number}: what does it show?"));
        }
        shown.insert(number.to_owned());
    }
    let mut out = BTreeSet::new();
    for row in &left_out {
        let [number, reason] = row[..] else {
            faults.push(format!("two cells: {row:?}"));
            continue;
        };
        assert!(reason.len() > 20, "{number}: {reason}");
        out.extend(expand(number));
    }
    let all = numbers();
    faults.extend(all.iter().filter_map(|number| {
        match (shown.contains(number), out.contains(number)) {
            (false, false) => Some(format!("{number} is missing")),
            (true, true) => Some(format!("{number} is shown and left out")),
            _ => None,
        }
    }));
    let unknown = shown.union(&out).filter(|number| !all.contains(*number));
    faults.extend(unknown.map(|number| format!("{number} is no number")));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_test_is_a_function_below_its_attribute() {
    let source =
        "    #[test]\n    fn one() {\n#[test]\n#[ignore]\nfn two() {\nfn three() {\n// fn one(";
    assert!(has_test(source, "one") && has_test(source, "two"));
    assert!(!has_test(source, "three") && !has_test(source, "on") && !has_test(source, "four"));
    assert_eq!(expand("64 to 66"), ["64", "65", "66"]);
}
