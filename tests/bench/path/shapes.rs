//! Rulesets that were tried: text, one a file.

use std::fs;
use std::path::Path;

use super::packets::Kind;
use super::recipe;
use super::wall::{Rules, Wall};
use super::walls::names;

/// The packets they are told apart by.
pub const KINDS: [Kind; 3] = [Kind::Allowed, Kind::Reply, Kind::Denied];

/// The rulesets of a directory, beside nothing and the recipe.
pub fn walls(directory: &Path) -> anyhow::Result<Vec<Wall>> {
    let recipe = |name: &str, variant| {
        let (four, six) = (recipe::four(0, true), recipe::six(0, true));
        Wall { name: name.to_owned(), rules: Rules::Iptables { variant, four, six } }
    };
    let mut walls = vec![
        Wall { name: names::NONE.to_owned(), rules: Rules::None },
        Wall { name: names::AGAIN.to_owned(), rules: Rules::None },
        recipe(names::RECIPE_NFT, "nft"),
        recipe(names::RECIPE_LEGACY, "legacy"),
    ];
    let files = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    let mut files: Vec<_> = files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "nft")).collect();
    files.sort();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        walls.push(Wall { name, rules: Rules::Nft(fs::read_to_string(&file)?) });
    }
    Ok(walls)
}
