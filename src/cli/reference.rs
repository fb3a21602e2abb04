//! Documentation that is written from the program: the pages of `docs/reference` and the man pages.

use super::args::Cli;
use super::{Failure, pipe, print};
use crate::app::commands::COMMANDS;
use crate::app::keys::{self as run, Binding, Section};
use crate::app::settable_keys;
use crate::browse::keys as browse;
use crate::recipe::knobs::markdown_table;
use crate::runs::RunError;
use crate::suite::screen::keys as suite;
use clap::{Command, CommandFactory};
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// Columns of the help texts on the page of commands.
const COLUMNS: usize = 100;

/// A generated page.
pub struct Page {
    /// Its path in the repository.
    pub path: &'static str,
    /// Its Markdown text.
    pub text: String,
}

/// The definition of the command line, without the command `help`, which only repeats the help.
pub fn command() -> Command {
    Cli::command().disable_help_subcommand(true)
}

/// Every page of `docs/reference`.
pub fn pages() -> [Page; 3] {
    [
        Page { path: "docs/reference/commands.md", text: commands() },
        Page { path: "docs/reference/keys.md", text: keys() },
        Page { path: "docs/reference/knobs.md", text: markdown_table() },
    ]
}

/// Prints the man page of the program, or writes those of all commands into a directory.
pub(super) fn man(dir: Option<&Path>) -> Result<ExitCode, Failure> {
    let Some(dir) = dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command()).render(&mut page).map_err(Failure::Print)?;
        return pipe(&String::from_utf8_lossy(&page));
    };
    let written = fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command(), dir));
    written.map_err(|cause| Failure::Run(RunError::Write { path: dir.to_path_buf(), cause }))?;
    print(&format!("{}  tricktop.1 and a page for every command\n", dir.display()))
}

/// The help of every command.
fn commands() -> String {
    let mut page = String::from(
        "# Commands\n\nThe help of every command, as `--help` prints it. This page is generated;\n\
         `TRICKTOP_BLESS=1 cargo test --test docs` writes it.\n",
    );
    let mut command = command().term_width(COLUMNS);
    command.build();
    describe(&mut command, &mut page);
    page
}

fn describe(command: &mut Command, page: &mut String) {
    let name = command.get_bin_name().unwrap_or("tricktop").to_string();
    let help = command.render_help().to_string();
    let help = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    *page += &format!("\n## {name}\n\n```text\n{}\n```\n", help.trim_end());
    command.get_subcommands_mut().for_each(|command| describe(command, page));
}

/// The key tables of all screens, and the commands that are typed after `:`.
fn keys() -> String {
    let mut page = String::from(
        "# Keys\n\nThe keys of every screen. *name* is what `config.ron` calls the action; a row without a name keeps its \
         keys.\nThis page is generated; `TRICKTOP_BLESS=1 cargo test --test docs` writes it.\n",
    );
    table("A run", "keys", run::BINDINGS, &mut page);
    page += "\n### Command line of a run\n\n| command | does |\n|---|---|\n";
    page += "| `:lr 0.1` | change a knob by its name; `0.1e` at the next epoch, `0.1@500` at step 500 |\n";
    for command in COMMANDS {
        page += &format!("| `{}` | {} |\n", command.usage, command.help);
    }
    table("The browser of runs", "runs_keys", browse::BINDINGS, &mut page);
    table("A suite", "suite_keys", suite::BINDINGS, &mut page);
    page
}

/// A key table: what the help of its screen shows, then the keys of dialogs.
fn table<C: PartialEq + Debug, A: Ord + Copy + Debug>(
    title: &str,
    field: &str,
    bindings: &'static [Binding<C, A>],
    page: &mut String,
) {
    let settable = settable_keys(bindings);
    let rows = grouped(bindings);
    *page += &format!("\n## {title}\n\nIn `config.ron`: `{field}`.\n");
    for (section, heading) in
        [(Section::Steer, "Steer"), (Section::Look, "Look"), (Section::Typing, "While a value is typed")]
    {
        let rows: Vec<_> = rows.iter().filter(|(first, _)| first.section == section).collect();
        if rows.is_empty() {
            continue;
        }
        *page += &format!("\n### {title}: {}\n\n| key | does | name |\n|---|---|---|\n", heading.to_lowercase());
        for (first, actions) in rows {
            let names = actions.iter().filter(|_| section != Section::Typing);
            let names = names.filter(|action| settable.contains_key(action)).map(|action| format!("`{action:?}`"));
            *page += &format!("| `{}` | {} | {} |\n", first.label, first.help, names.collect::<Vec<_>>().join(", "));
        }
    }
    *page += &format!("\n### {title}: dialogs\n\n| where | key | does |\n|---|---|---|\n");
    for (first, _) in rows.iter().filter(|(first, _)| first.section == Section::Dialog) {
        let places: Vec<_> = first.contexts.iter().map(|context| format!("{context:?}").to_lowercase()).collect();
        *page += &format!("| {} | `{}` | {} |\n", places.join(", "), first.label, first.help);
    }
}

/// The rows that explain keys, each with the actions of its own keys and of the rows below it that it explains too.
fn grouped<C, A: Copy>(bindings: &'static [Binding<C, A>]) -> Vec<(&'static Binding<C, A>, Vec<A>)> {
    let mut groups: Vec<(&'static Binding<C, A>, Vec<A>)> = Vec::new();
    for binding in bindings {
        match groups.last_mut() {
            Some((_, actions)) if binding.label.is_empty() => actions.push(binding.action),
            _ => groups.push((binding, vec![binding.action])),
        }
    }
    groups
}
