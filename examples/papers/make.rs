//! `FOLDER/man/*.1`, one page for each command, and `FOLDER/{bash,zsh,fish}/`.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;

use nologd::cli::Arguments;
use nologd::config::{FILE, SOCKET};

const NAME: &str = "nologd";
/// What stands at the foot of each page.
const SOURCE: &str = concat!("nologd ", env!("CARGO_PKG_VERSION"));

/// Writes all of them.
///
/// # Errors
/// Where the folder cannot be written to.
pub fn all(folder: &Path) -> io::Result<()> {
    let mut program = Arguments::command();
    for (shell, name) in [(Shell::Bash, "bash"), (Shell::Zsh, "zsh"), (Shell::Fish, "fish")] {
        fs::create_dir_all(folder.join(name))?;
        generate_to(shell, &mut program, NAME, folder.join(name))?;
    }
    // What bash looks for is named like the program.
    fs::rename(folder.join("bash/nologd.bash"), folder.join("bash/nologd"))?;
    let man = folder.join("man");
    fs::create_dir_all(&man)?;
    program.build();
    pages(&program, None, &man)
}

/// The page of `command` and those of all commands below it: `nologd-mailbox-set.1`.
fn pages(command: &Command, above: Option<&str>, folder: &Path) -> io::Result<()> {
    let title = above.map_or_else(|| command.get_name().to_owned(), |above| format!("{above}-{}", command.get_name()));
    let mut page = Vec::new();
    let man = Man::new(command.clone().display_name(&title)).title(&title).manual("nologd").source(SOURCE);
    man.render(&mut page)?;
    page.extend_from_slice(footer(above).as_bytes());
    let file = folder.join(format!("{title}.1"));
    fs::File::create_new(&file).and_then(|mut file| io::Write::write_all(&mut file, &page))?;
    command.get_subcommands().filter(|below| !below.is_hide_set()).try_for_each(|below| pages(below, Some(&title), folder))
}

/// What clap does not know: files, the variable, and the way to the other pages.
fn footer(above: Option<&str>) -> String {
    if let Some(above) = above {
        let all = if above == NAME { String::new() } else { format!(",\n.BR {NAME} (1)") };
        return format!(".SH \"SEE ALSO\"\n.BR {} (1){all}\n", above.replace('-', "\\-"));
    }
    format!(
        ".SH ENVIRONMENT\n.TP\n.B NOLOGD_SOCKET\nThe socket of the daemon, for the commands that it answers; \\-\\-socket comes before it.\n\
         .SH FILES\n\
         .TP\n.I {FILE}\nThe config file where no \\-\\-config is said. Its comments explain it.\n\
         .TP\n.I {SOCKET}\nWhere the daemon is looked for when nothing else is said.\n\
         .TP\n.I /var/lib/nologd\nThe book of quotas and the keys. Nothing about any activity.\n\
         .TP\n.I /usr/share/nologd/backends\nSettings for mail servers, webmail and journal, with which they keep no logs.\n\
         .TP\n.I /usr/share/doc/nologd\nHow to install it, and what it does.\n"
    )
}
