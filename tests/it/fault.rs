//! One call to the operating system fails while a verb is at work: the verb says so, nothing is lost, and run
//! again it reaches its end.
//!
//! Every call of a verb fails once, in every way.

use std::sync::Arc;

use dsv::model::ErrorKind;
use dsv::sys::Fs;

use crate::support::fault::{Fault, FaultPlan};
use crate::support::repo::{assert_whole, open, open_real, state_of};
use crate::support::scenario::Scenario;
use crate::support::scratch;
use crate::support::tree::write_tree;

fn plans() -> Vec<FaultPlan> {
    [FaultPlan::once(Fault::ShortRead)].into_iter().chain(FaultPlan::all()).collect()
}

fn survives(scenario: &Scenario) {
    for plan in plans() {
        let hits = plan.sweep(|faulty| {
            let folder = scratch();
            write_tree(&scenario.folder, folder.path());
            let fs = Arc::clone(faulty) as Arc<dyn Fs>;
            let outcome = open(fs, folder.path()).and_then(|repo| (scenario.verb)(&repo));
            if plan.fault == Fault::ShortRead || faulty.hit().is_none() {
                outcome.as_ref().unwrap();
            }
            let repo = open_real(folder.path());
            assert_whole(&repo);
            let later = scenario.assert_either(&repo);
            assert!(outcome.is_err() || later, "it said that it was done");
            if let Err(error) = outcome {
                assert!(!error.to_string().is_empty());
                match (scenario.verb)(&repo) {
                    Err(error) if error.kind() == ErrorKind::NothingToDo && later => {}
                    again => again.unwrap(),
                }
            }
            assert!(state_of(&open_real(folder.path())) == scenario.after, "the second run has another end");
        });
        assert!(hits > 0, "{plan:?} was never met");
    }
}

#[test]
fn add_survives_failing_calls() {
    survives(&Scenario::add());
}

#[test]
fn commit_survives_failing_calls() {
    survives(&Scenario::commit());
}

#[test]
fn checkout_survives_failing_calls() {
    survives(&Scenario::checkout());
}

#[test]
fn create_survives_failing_calls() {
    survives(&Scenario::create());
}

#[test]
fn commit_of_a_draft_survives_failing_calls() {
    survives(&Scenario::commit_draft());
}

#[test]
fn abort_survives_failing_calls() {
    survives(&Scenario::abort());
}

#[test]
fn delete_survives_failing_calls() {
    survives(&Scenario::delete());
}

#[test]
fn gc_survives_failing_calls() {
    survives(&Scenario::gc());
}
