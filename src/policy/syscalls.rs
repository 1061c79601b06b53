//! The calls of the kernel that a policy file may name, with their numbers on this machine.
//!
//! A closed list, because a misspelt name in a list of what is denied would be a hole that nobody sees.

use nix::libc;

/// A call that can be denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// As in the manual.
    pub name: &'static str,
    /// `None`: there is no such call on this kind of processor.
    pub number: Option<i64>,
    /// What of it is denied.
    pub how: How,
}

/// What of a call is denied, and how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// All of it: "not permitted".
    Whole,
    /// Making a process; making a thread stays allowed.
    UnlessThread,
    /// All of it, as if the kernel did not know it: its arguments cannot be looked at, and the C library then takes another way.
    Unknown,
}

macro_rules! calls {
    ($($name:ident $constant:ident)* ; only_x86: $($x86:ident $x86_constant:ident)*) => {
        /// All that can be named, but for the two kinds of `clone`.
        const PLAIN: &[(&str, Option<i64>)] = &[
            $((stringify!($name), Some(libc::$constant as i64)),)*
            $((stringify!($x86), {
                #[cfg(target_arch = "x86_64")] { Some(libc::$x86_constant as i64) }
                #[cfg(not(target_arch = "x86_64"))] { None }
            }),)*
        ];
    };
}

calls! {
    acct SYS_acct
    add_key SYS_add_key
    adjtimex SYS_adjtimex
    bpf SYS_bpf
    capset SYS_capset
    chroot SYS_chroot
    clock_adjtime SYS_clock_adjtime
    clock_settime SYS_clock_settime
    delete_module SYS_delete_module
    execve SYS_execve
    execveat SYS_execveat
    fanotify_init SYS_fanotify_init
    finit_module SYS_finit_module
    fsconfig SYS_fsconfig
    fsmount SYS_fsmount
    fsopen SYS_fsopen
    fspick SYS_fspick
    init_module SYS_init_module
    io_uring_enter SYS_io_uring_enter
    io_uring_register SYS_io_uring_register
    io_uring_setup SYS_io_uring_setup
    kcmp SYS_kcmp
    kexec_file_load SYS_kexec_file_load
    kexec_load SYS_kexec_load
    keyctl SYS_keyctl
    kill SYS_kill
    lookup_dcookie SYS_lookup_dcookie
    memfd_create SYS_memfd_create
    memfd_secret SYS_memfd_secret
    mount SYS_mount
    mount_setattr SYS_mount_setattr
    move_mount SYS_move_mount
    name_to_handle_at SYS_name_to_handle_at
    nfsservctl SYS_nfsservctl
    open_by_handle_at SYS_open_by_handle_at
    open_tree SYS_open_tree
    perf_event_open SYS_perf_event_open
    personality SYS_personality
    pidfd_getfd SYS_pidfd_getfd
    pidfd_open SYS_pidfd_open
    pidfd_send_signal SYS_pidfd_send_signal
    pivot_root SYS_pivot_root
    process_madvise SYS_process_madvise
    process_vm_readv SYS_process_vm_readv
    process_vm_writev SYS_process_vm_writev
    ptrace SYS_ptrace
    quotactl SYS_quotactl
    reboot SYS_reboot
    request_key SYS_request_key
    rt_sigqueueinfo SYS_rt_sigqueueinfo
    rt_tgsigqueueinfo SYS_rt_tgsigqueueinfo
    setdomainname SYS_setdomainname
    setfsgid SYS_setfsgid
    setfsuid SYS_setfsuid
    setgid SYS_setgid
    setgroups SYS_setgroups
    sethostname SYS_sethostname
    setns SYS_setns
    setregid SYS_setregid
    setresgid SYS_setresgid
    setresuid SYS_setresuid
    setreuid SYS_setreuid
    settimeofday SYS_settimeofday
    setuid SYS_setuid
    swapoff SYS_swapoff
    swapon SYS_swapon
    syslog SYS_syslog
    tkill SYS_tkill
    umount2 SYS_umount2
    unshare SYS_unshare
    userfaultfd SYS_userfaultfd
    vhangup SYS_vhangup
    ; only_x86:
    fork SYS_fork
    ioperm SYS_ioperm
    iopl SYS_iopl
    modify_ldt SYS_modify_ldt
    vfork SYS_vfork
}

impl Call {
    /// The call that a policy file means by `name`.
    pub fn find(name: &str) -> Option<Call> {
        match name {
            "clone-process" => Some(Call { name: "clone-process", number: Some(libc::SYS_clone), how: How::UnlessThread }),
            "clone3" => Some(Call { name: "clone3", number: Some(libc::SYS_clone3), how: How::Unknown }),
            _ => {
                let (name, number) = *PLAIN.iter().find(|(known, _)| *known == name)?;
                Some(Call { name, number, how: How::Whole })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_call_is_no_call() {
        assert!(Call::find("exec").is_none() && Call::find("clone").is_none());
        assert_eq!(Call::find("execve").unwrap().number, Some(libc::SYS_execve));
        assert_eq!(Call::find("clone-process").unwrap().how, How::UnlessThread);
    }
}
