//! The modules of a crate, by their paths, and what each imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::paths::paths;

/// A module: its names from the root on.
pub(crate) type Module = Vec<String>;

/// All modules, with their source.
#[derive(Debug, Default)]
pub(crate) struct Crate {
    modules: BTreeMap<Module, String>,
}

impl Crate {
    /// Reads the sources in a directory.
    pub(crate) fn read(src: &Path) -> Self {
        let mut all = Self::default();
        all.read_directory(src, &[]);
        assert!(!all.modules.is_empty(), "no sources in {src:?}");
        all
    }

    fn read_directory(&mut self, directory: &Path, module: &[String]) {
        let entries = fs::read_dir(directory).expect("a directory");
        for entry in entries {
            let path = entry.expect("an entry").path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let below = [module, &[stem.clone().into_owned()]].concat();
            if path.is_dir() {
                self.read_directory(&path, &below);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("a source");
                match stem.as_ref() {
                    "lib" | "mod" => self.modules.insert(module.to_vec(), source),
                    "tests" => None,
                    _ => self.modules.insert(below, source),
                };
            }
        }
    }

    /// The sources as given, by path.
    #[cfg(test)]
    pub(crate) fn of(sources: &[(&str, &str)]) -> Self {
        let module = |path: &str| {
            let names = path.split("::").filter(|name| !name.is_empty());
            names.map(ToOwned::to_owned).collect()
        };
        let modules = sources
            .iter()
            .map(|(path, source)| (module(path), (*source).to_owned()))
            .collect();
        Self { modules }
    }

    /// All modules, with their source.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&Module, &str)> {
        let modules = self.modules.iter();
        modules.map(|(module, source)| (module, source.as_str()))
    }

    /// The modules that `module` imports from: itself and those inside it left out.
    fn imports(&self, module: &Module, source: &str) -> BTreeSet<Module> {
        let found = paths(source);
        let imported = found.iter().filter_map(|path| self.resolve(module, path));
        imported
            .filter(|other| !other.starts_with(module))
            .collect()
    }

    /// The module at the root that has what the root exports by that name.
    fn exported_from(&self, name: &str) -> Option<Module> {
        let root = self.modules.get(&Module::new())?;
        let named = |list: &str| {
            list.split(|next: char| !next.is_alphanumeric() && next != '_')
                .any(|word| word == name)
        };
        root.split(';').find_map(|statement| {
            let (_, export) = statement.split_once("pub use ")?;
            let (module, list) = export.split_once("::")?;
            named(list).then(|| vec![module.to_owned()])
        })
    }

    /// The module that a path in `module` leads to.
    fn resolve(&self, module: &Module, path: &[String]) -> Option<Module> {
        let mut at = module.clone();
        for (n, segment) in path.iter().enumerate() {
            match segment.as_str() {
                "crate" if n == 0 => at.clear(),
                "self" => {}
                "super" => {
                    at.pop()?;
                }
                name => {
                    at.push(name.to_owned());
                    if !self.modules.contains_key(&at) {
                        at.pop();
                        return if at.is_empty() {
                            self.exported_from(name)
                        } else {
                            Some(at)
                        };
                    }
                }
            }
        }
        Some(at)
    }

    /// For each directory (by its module) the modules in it and which of the same directory each needs. The
    /// module of a directory has a part in its own: what its file imports counts for the directory above.
    pub(crate) fn siblings(&self) -> BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> {
        let mut all: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (module, source) in &self.modules {
            for other in self.imports(module, source) {
                let common = module
                    .iter()
                    .zip(&other)
                    .take_while(|(a, b)| a == b)
                    .count();
                let (Some(from), Some(to)) = (module.get(common), other.get(common)) else {
                    continue;
                };
                let directory = all.entry(module[..common].to_vec()).or_default();
                let needs = directory.entry(from.clone()).or_default();
                needs.insert(to.clone());
            }
        }
        all
    }

    /// What a module at the root and those inside it import from others at the root.
    pub(crate) fn imports_of(&self, name: &str) -> BTreeSet<String> {
        let root = self.siblings().remove(&Module::new()).unwrap_or_default();
        root.get(name).cloned().unwrap_or_default()
    }
}
