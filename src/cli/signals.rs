//! Ctrl-C, and the signals that mean the same.

use std::io::Write;
use std::sync::Once;

use crate::model::{ErrorKind, Interrupt};

use super::error::exit_code;

static INTERRUPT: Interrupt = Interrupt::new();

/// The flag that Ctrl-C, SIGTERM and SIGHUP set. The first call installs the handler.
///
/// The first signal asks the work to end; the second one ends the process at once, which leaves the
/// repository as any crash does: whole, with at worst an orphan for `dsv gc`.
pub(crate) fn interrupt() -> &'static Interrupt {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        // Without a handler a signal ends the process at once, which is safe too.
        let _ = ctrlc::set_handler(on_signal);
    });
    &INTERRUPT
}

fn on_signal() {
    if INTERRUPT.is_set() {
        end_now();
    }
    INTERRUPT.set();
    let _ = writeln!(std::io::stderr(), "stopping; press Ctrl-C again to end at once");
}

#[expect(clippy::disallowed_methods, reason = "the person asked a second time")]
fn end_now() -> ! {
    std::process::exit(i32::from(exit_code(ErrorKind::Interrupted)))
}
