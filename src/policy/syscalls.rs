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
    /// Where one of these groups of tests holds as a whole: "not permitted". Of a pointer only whether there is one can be seen.
    Where(&'static [&'static [(u8, Test)]]),
    /// All of it, as if the kernel did not know it: its arguments cannot be looked at, and the C library then takes another way.
    Unknown,
}

/// A look at one argument of a call, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// Its lower 32 bits are these.
    Is(u32),
    /// They are not.
    IsNot(u32),
    /// It has this bit.
    Has(u32),
    /// It does not.
    Lacks(u32),
    /// It is not 0, in all 64 bits.
    Given,
}

macro_rules! calls {
    ($($name:ident $constant:ident)* ; only_x86: $($x86:ident $x86_constant:ident)*) => {
        /// All that can be named and are denied as a whole.
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
    fchown SYS_fchown
    fchownat SYS_fchownat
    finit_module SYS_finit_module
    fsconfig SYS_fsconfig
    fsetxattr SYS_fsetxattr
    fsmount SYS_fsmount
    fsopen SYS_fsopen
    fspick SYS_fspick
    init_module SYS_init_module
    inotify_add_watch SYS_inotify_add_watch
    inotify_init1 SYS_inotify_init1
    io_uring_enter SYS_io_uring_enter
    io_uring_register SYS_io_uring_register
    io_uring_setup SYS_io_uring_setup
    ioprio_set SYS_ioprio_set
    kcmp SYS_kcmp
    kexec_file_load SYS_kexec_file_load
    kexec_load SYS_kexec_load
    keyctl SYS_keyctl
    kill SYS_kill
    listen SYS_listen
    lookup_dcookie SYS_lookup_dcookie
    lsetxattr SYS_lsetxattr
    memfd_create SYS_memfd_create
    memfd_secret SYS_memfd_secret
    migrate_pages SYS_migrate_pages
    mount SYS_mount
    mount_setattr SYS_mount_setattr
    move_mount SYS_move_mount
    move_pages SYS_move_pages
    mq_getsetattr SYS_mq_getsetattr
    mq_notify SYS_mq_notify
    mq_open SYS_mq_open
    mq_timedreceive SYS_mq_timedreceive
    mq_timedsend SYS_mq_timedsend
    mq_unlink SYS_mq_unlink
    msgctl SYS_msgctl
    msgget SYS_msgget
    msgrcv SYS_msgrcv
    msgsnd SYS_msgsnd
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
    process_mrelease SYS_process_mrelease
    process_vm_readv SYS_process_vm_readv
    process_vm_writev SYS_process_vm_writev
    ptrace SYS_ptrace
    quotactl SYS_quotactl
    quotactl_fd SYS_quotactl_fd
    reboot SYS_reboot
    recvmmsg SYS_recvmmsg
    recvmsg SYS_recvmsg
    request_key SYS_request_key
    rt_sigqueueinfo SYS_rt_sigqueueinfo
    rt_tgsigqueueinfo SYS_rt_tgsigqueueinfo
    sched_setaffinity SYS_sched_setaffinity
    sched_setattr SYS_sched_setattr
    sched_setparam SYS_sched_setparam
    sched_setscheduler SYS_sched_setscheduler
    semctl SYS_semctl
    semget SYS_semget
    semop SYS_semop
    semtimedop SYS_semtimedop
    sendmmsg SYS_sendmmsg
    sendmsg SYS_sendmsg
    setdomainname SYS_setdomainname
    setfsgid SYS_setfsgid
    setfsuid SYS_setfsuid
    setgid SYS_setgid
    setgroups SYS_setgroups
    sethostname SYS_sethostname
    setns SYS_setns
    setpriority SYS_setpriority
    setregid SYS_setregid
    setresgid SYS_setresgid
    setresuid SYS_setresuid
    setreuid SYS_setreuid
    setrlimit SYS_setrlimit
    settimeofday SYS_settimeofday
    setuid SYS_setuid
    setxattr SYS_setxattr
    shmat SYS_shmat
    shmctl SYS_shmctl
    shmdt SYS_shmdt
    shmget SYS_shmget
    swapoff SYS_swapoff
    swapon SYS_swapon
    syslog SYS_syslog
    tkill SYS_tkill
    umount2 SYS_umount2
    unshare SYS_unshare
    userfaultfd SYS_userfaultfd
    vhangup SYS_vhangup
    ; only_x86:
    chown SYS_chown
    fork SYS_fork
    inotify_init SYS_inotify_init
    ioperm SYS_ioperm
    iopl SYS_iopl
    lchown SYS_lchown
    modify_ldt SYS_modify_ldt
    vfork SYS_vfork
}

/// What is denied of a call that is needed otherwise.
const PARTS: &[(&str, i64, How)] = &[
    // Making a process; making a thread stays allowed.
    ("clone-process", libc::SYS_clone, How::Where(&[&[(0, Test::Lacks(libc::CLONE_THREAD.cast_unsigned()))]])),
    ("clone3", libc::SYS_clone3, How::Unknown),
    // All but a netlink address, which is 12 octets long (netlink(7)): too short for a port.
    ("bind-address", libc::SYS_bind, How::Where(&[&[(2, Test::IsNot(12))]])),
    // Opens a connection and sends, without the `connect` that Landlock looks at.
    ("sendto-fastopen", libc::SYS_sendto, How::Where(&[&[(3, FAST_OPEN)]])),
    ("sendmsg-fastopen", libc::SYS_sendmsg, How::Where(&[&[(2, FAST_OPEN)]])),
    ("sendmmsg-fastopen", libc::SYS_sendmmsg, How::Where(&[&[(3, FAST_OPEN)]])),
    ("prctl-dumpable", libc::SYS_prctl, How::Where(&[&[(0, Test::Is(libc::PR_SET_DUMPABLE.cast_unsigned()))]])),
    ("prctl-ptracer", libc::SYS_prctl, How::Where(&[&[(0, Test::Is(libc::PR_SET_PTRACER.cast_unsigned()))]])),
    ("prctl-memory", libc::SYS_prctl, How::Where(&[&[(0, Test::Is(libc::PR_SET_MM.cast_unsigned()))]])),
    // Reading the limits stays allowed.
    ("prlimit-set", libc::SYS_prlimit64, How::Where(&[&[(2, Test::Given)]])),
    // Typing into a terminal in the place of its user.
    ("ioctl-terminal", libc::SYS_ioctl, How::Where(&[&[(1, Test::Is(0x5412))], &[(1, Test::Is(0x541c))]])),
];

/// `MSG_FASTOPEN`.
const FAST_OPEN: Test = Test::Has(libc::MSG_FASTOPEN.cast_unsigned());

/// The last call that this list was read against: `mseal`, Linux 6.10. Those that came later have the same numbers everywhere.
pub const NEWEST: i64 = 462;

impl Call {
    /// The call that a policy file means by `name`.
    pub fn find(name: &str) -> Option<Call> {
        if let Some((name, number, how)) = PARTS.iter().find(|(known, ..)| *known == name).copied() {
            return Some(Call { name, number: Some(number), how });
        }
        let (name, number) = *PLAIN.iter().find(|(known, _)| *known == name)?;
        Some(Call { name, number, how: How::Whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_call_is_no_call() {
        assert!(Call::find("exec").is_none() && Call::find("clone").is_none());
        assert_eq!(Call::find("execve").unwrap().number, Some(libc::SYS_execve));
        assert!(matches!(Call::find("clone-process").unwrap().how, How::Where(_)));
        assert!(PLAIN.iter().all(|(_, number)| number.is_none_or(|number| number <= NEWEST)));
    }
}
