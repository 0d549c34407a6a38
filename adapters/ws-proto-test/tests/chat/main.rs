//! A small chat client, and the recipes of the kit that test it: the correct one passes all of them, and each copy with
//! one mistake fails in at least one.

mod client;
mod recipes;

use client::Mistake;
use recipes::RECIPES;

/// The recipes that find something.
fn finders(mistake: Option<Mistake>) -> Vec<(&'static str, String)> {
    let tried = RECIPES
        .iter()
        .map(|(name, recipe)| (*name, recipe(mistake)));
    tried
        .filter_map(|(name, found)| found.err().map(|why| (name, why)))
        .collect()
}

#[test]
fn the_correct_client_passes_every_recipe() {
    let found = finders(None);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_mistake_is_found() {
    let mut missed = Vec::new();
    for mistake in Mistake::ALL {
        let found = finders(Some(mistake));
        let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        println!("{mistake:?}: {}", names.join(", "));
        for (name, why) in &found {
            println!("    {name}: {}", why.lines().next().unwrap_or_default());
        }
        if found.is_empty() {
            missed.push(mistake);
        }
    }
    println!(
        "{} of {} mistakes found",
        Mistake::ALL.len() - missed.len(),
        Mistake::ALL.len()
    );
    assert!(missed.is_empty(), "{missed:?}");
}
