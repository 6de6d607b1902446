/* SPDX-License-Identifier: MIT
 * cases_spawn.c - how the process starts: the command, its environment, and what it must not
 * inherit. */
#include "cases.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

#include <cmocka.h>

static void write_file(const char *directory, const char *name, const char *text, mode_t mode) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

/* A directory with a good script, a file that may not be run, and a script without its first line.
 */
static int make_directory(void **state) {
    char *directory = strdup("/tmp/kit_stdio_XXXXXX");
    assert_non_null(directory);
    assert_non_null(mkdtemp(directory));
    write_file(directory, "good", "#!/bin/sh\necho '{\"good\":1}'\nread line\n", 0755);
    write_file(directory, "plain", "#!/bin/sh\n", 0644);
    write_file(directory, "bare", "echo '{}'\n", 0755);
    write_file(directory, "lost", "#!/no/such/interpreter\n", 0755);
    *state = directory;
    return 0;
}

static int remove_directory(void **state) {
    static const char *const names[] = {"good", "plain", "bare", "lost"};
    char *directory = *state;
    char path[256];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    int failed = rmdir(directory);
    free(directory);
    return failed;
}

/* One leg that cannot be made: its text must have all three parts. */
static void expect_no_start(const char *const *params, const char *part, const char *other) {
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    assert_int_equal(peer_make(&peer, &rig, params), TRUNK_UNAVAILABLE);
    assert_non_null(strstr(peer.make_text, "backend b1: "));
    assert_non_null(strstr(peer.make_text, part));
    assert_non_null(strstr(peer.make_text, other));
    rig_close(&rig);
}

static void test_a_bare_command_is_looked_for_in_the_path_of_the_child(void **state) {
    const char *params[] = {"command", "good", "env.PATH", "/nowhere::%s:/bin", NULL};
    char path[256];
    (void)snprintf(path, sizeof path, "/nowhere::%s:/bin", (const char *)*state);
    params[3] = path;
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    assert_int_equal(peer_make(&peer, &rig, params), TRUNK_OK);
    peer_wait_messages(&peer, 1);
    assert_string_equal(peer.messages[0], "{\"good\":1}");
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_a_bare_command_is_looked_for_in_our_path_when_none_is_configured(void **state) {
    (void)state;
    const char *params[] = {"command", "cat", NULL};
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    assert_int_equal(peer_make(&peer, &rig, params), TRUNK_OK);
    assert_int_equal(peer_request(&peer, "{}"), TRUNK_OK);
    peer_wait_messages(&peer, 1);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_arguments_reach_the_program_untouched_by_any_shell(void **state) {
    (void)state;
    const char *params[] = {
        "command", "/usr/bin/printf",   "args", "{\"1\":\"%s\",\"2\":\"%s\"}\\n",
        "args",    "$HOME; `id` * \"'", "args", "",
        NULL};
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    assert_int_equal(peer_make(&peer, &rig, params), TRUNK_OK);
    peer_wait_messages(&peer, 1);
    assert_string_equal(peer.messages[0], "{\"1\":\"$HOME; `id` * \"'\",\"2\":\"\"}");
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_an_absent_command_is_named_with_its_backend(void **state) {
    (void)state;
    const char *bare[] = {"command", "no-such-program", NULL};
    expect_no_start(bare, "\"no-such-program\"", "not found in PATH");
    const char *path[] = {"command", "/no/such/program", NULL};
    expect_no_start(path, "\"/no/such/program\"", "does not exist");
}

static void test_a_script_whose_interpreter_is_absent_is_told(void **state) {
    char file[256];
    (void)snprintf(file, sizeof file, "%s/lost", (const char *)*state);
    const char *params[] = {"command", file, NULL};
    expect_no_start(params, file, "interpreter");
}

static void test_a_file_that_is_not_executable_has_a_text_of_its_own(void **state) {
    char file[256];
    (void)snprintf(file, sizeof file, "%s/plain", (const char *)*state);
    const char *params[] = {"command", file, NULL};
    expect_no_start(params, file, "is not executable");
    const char *bare[] = {"command", "plain", "env.PATH", *state, NULL};
    expect_no_start(bare, "\"plain\"", "is not executable");
}

static void test_a_script_without_a_first_line_is_not_given_to_a_shell(void **state) {
    char file[256];
    (void)snprintf(file, sizeof file, "%s/bare", (const char *)*state);
    const char *params[] = {"command", file, NULL};
    expect_no_start(params, file, "is not a program");
}

static void test_a_cwd_that_cannot_be_entered_has_a_text_of_its_own(void **state) {
    (void)state;
    const char *params[] = {"command", "/bin/cat", "cwd", "/no/such/directory", NULL};
    expect_no_start(params, "cannot enter its cwd \"/no/such/directory\"", "No such file");
}

static void test_the_process_runs_in_its_cwd(void **state) {
    const char *params[] = {"command", "./good", "cwd", *state, NULL};
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    assert_int_equal(peer_make(&peer, &rig, params), TRUNK_OK);
    peer_wait_messages(&peer, 1);
    peer_finish(&peer);
    rig_close(&rig);
}

static void test_the_environment_is_six_variables_and_the_configured_ones(void **state) {
    (void)state;
    assert_int_equal(setenv("KIT_SECRET", "1", 1), 0);
    assert_int_equal(setenv("TERM", "of-the-host", 1), 0);
    assert_int_equal(setenv("USER", "of-the-host", 1), 0);
    const char *params[] = {
        "command",    "/bin/sh", "args",
        "-c",         "args",    "env | while read -r line; do echo \"{$line}\"; done",
        "env.MINE",   "a = b",   "env.TERM",
        "configured", NULL};
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    assert_int_equal(peer_make(&peer, &rig, params), TRUNK_OK);
    peer_wait_closed(&peer);
    size_t own = 0;
    size_t terms = 0;
    for (size_t i = 0; i < peer.nmessages; i++) {
        assert_null(strstr(peer.messages[i], "KIT_SECRET"));
        own += strcmp(peer.messages[i], "{MINE=a = b}") == 0;
        own += strcmp(peer.messages[i], "{TERM=configured}") == 0;
        own += strcmp(peer.messages[i], "{USER=of-the-host}") == 0;
        terms += strncmp(peer.messages[i], "{TERM=", 6) == 0;
    }
    assert_int_equal(own, 3);
    assert_int_equal(terms, 1);
    peer_finish(&peer);
    rig_close(&rig);
    assert_int_equal(unsetenv("KIT_SECRET"), 0);
}

static void test_no_descriptor_but_0_1_2_is_inherited(void **state) {
    (void)state;
    /* Without close-on-exec, as careless libraries open them, and one high above the rest. */
    int low = open("/dev/null", O_RDONLY); // NOLINT(android-cloexec-open)
    assert_true(low > 2);
    int high = dup2(low, 500);
    assert_int_equal(high, 500);
    struct rig rig;
    rig_open(&rig, "50");
    struct peer other = {0};
    peer_make_child(&other, &rig, "wait", NULL);
    struct peer peer = {0};
    peer_make_child(&peer, &rig, "descriptors", NULL);
    peer_wait_messages(&peer, 1);
    assert_string_equal(peer.messages[0], "{\"fds\":\"0 1 2 \"}");
    peer_finish(&peer);
    peer_finish(&other);
    rig_close(&rig);
    (void)close(low);
    (void)close(high);
}

static void test_a_host_without_stdin_can_start_processes(void **state) {
    (void)state;
    int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100);
    (void)close(STDIN_FILENO);
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    peer_make_script(&peer, &rig, "cat; echo '{\"end\":1}'");
    assert_int_equal(peer_request(&peer, "{\"a\":1}"), TRUNK_OK);
    peer_wait_messages(&peer, 1);
    assert_string_equal(peer.messages[0], "{\"a\":1}");
    peer_finish(&peer);
    rig_close(&rig);
    if (saved >= 0) {
        (void)dup2(saved, STDIN_FILENO);
        (void)close(saved);
    }
}

static void test_no_signal_is_blocked_or_ignored_in_the_child(void **state) {
    (void)state;
    sigset_t some;
    sigset_t before;
    sigset_t after;
    (void)sigemptyset(&some);
    (void)sigaddset(&some, SIGUSR1);
    (void)sigaddset(&some, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &some, &before);
    (void)signal(SIGHUP, SIG_IGN);
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    peer_make_child(&peer, &rig, "signals", NULL);
    peer_wait_messages(&peer, 2);
    assert_non_null(strstr(peer.messages[0], "SigBlk"));
    assert_non_null(strstr(peer.messages[0], "0000000000000000"));
    assert_non_null(strstr(peer.messages[1], "SigIgn"));
    assert_non_null(strstr(peer.messages[1], "0000000000000000"));
    peer_finish(&peer);
    rig_close(&rig);
    (void)signal(SIGHUP, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &before, &after);
    assert_true(sigismember(&after, SIGUSR1) == 1 && sigismember(&after, SIGUSR2) == 0);
}

static void test_the_process_leads_a_group_of_its_own(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    peer_make_child(&peer, &rig, "group", NULL);
    peer_wait_messages(&peer, 1);
    long pid = message_number(peer.messages[0], "\"pid\"");
    assert_int_equal(message_number(peer.messages[0], "\"group\""), pid);
    assert_int_not_equal(pid, getpgrp());
    peer_finish(&peer);
    rig_close(&rig);
}

/* In a process of its own: makes a leg, tells the child's pid, and waits to be killed. */
static void run_doomed_host(int tell) {
    struct rig rig;
    rig_open(&rig, "50");
    struct peer peer = {0};
    peer_make_child(&peer, &rig, "forever", "term");
    peer_wait_messages(&peer, 1);
    long pid = message_number(peer.messages[0], "\"pid\"");
    if (write(tell, &pid, sizeof pid) == sizeof pid) {
        for (;;) {
            (void)pause();
        }
    }
    _exit(1);
}

static void test_no_child_outlives_a_host_that_is_killed(void **state) {
    (void)state;
    int tell[2];
    assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
    /* Orphans come to us, so that we can wait for them. */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t host = fork();
    assert_true(host >= 0);
    if (host == 0) {
        run_doomed_host(tell[1]);
    }
    (void)close(tell[1]);
    long pid = 0;
    assert_int_equal(read(tell[0], &pid, sizeof pid), sizeof pid);
    (void)close(tell[0]);
    assert_int_equal(kill((pid_t)pid, 0), 0);
    assert_int_equal(kill(host, SIGKILL), 0);
    assert_int_equal(waitpid(host, NULL, 0), host);
    assert_true(is_process_gone(pid));
    int status = 0;
    assert_int_equal(waitpid((pid_t)pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static void test_a_leg_cannot_go_on_with_an_earlier_process(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "50");
    struct trunk_param params[] = {{"command", "/bin/cat"}};
    struct trunk_make make = {.struct_size = sizeof make,
                              .backend = "b1",
                              .params = params,
                              .nparams = 1,
                              .saved = {"x", 1}};
    trunk_op op = loop_host_begin(rig.host);
    rig.ops->make(rig.self, &make, op);
    assert_int_equal(loop_host_result(rig.host, op)->status, TRUNK_NOT_FOUND);
    rig_close(&rig);
}

static void test_a_host_out_of_memory_leaves_no_process(void **state) {
    (void)state;
    const char *params[] = {"command", TEST_CHILD, "args", "forever", NULL};
    struct rig rig;
    rig_open(&rig, "50");
    loop_host_refuse_watches(rig.host);
    struct peer peer = {0};
    assert_int_equal(peer_make(&peer, &rig, params), TRUNK_INTERNAL);
    rig_close(&rig);
}

static struct rlimit get_limit(void) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit;
}

static void set_limit(rlim_t soft) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = get_limit().rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void
test_the_child_has_the_descriptor_limit_from_before_the_host_raised_its_own(void **state) {
    (void)state;
    rlim_t before = get_limit().rlim_cur;
    char expected[64];
    struct rig rig;
    struct peer peer = {0};
    set_limit(200);
    rig_open(&rig, "50");
    set_limit(before);
    peer_make_script(&peer, &rig, "echo \"{$(ulimit -Sn) $(ulimit -Hn)}\"; read line");
    peer_wait_messages(&peer, 1);
    (void)snprintf(expected, sizeof expected, "{200 %llu}",
                   (unsigned long long)get_limit().rlim_max);
    if (get_limit().rlim_max != RLIM_INFINITY) {
        assert_string_equal(peer.messages[0], expected);
    }
    peer_finish(&peer);
    rig_close(&rig);
}

/* Of each number that is free: one leg less may be made, and none that runs is hurt. */
static void test_a_host_without_descriptors_makes_no_leg_and_keeps_those_it_has(void **state) {
    (void)state;
    const char *params[] = {"command", "/bin/cat", NULL};
    rlim_t before = get_limit().rlim_cur;
    struct rig rig;
    struct peer first = {0};
    rig_open(&rig, "50");
    assert_int_equal(peer_make(&first, &rig, params), TRUNK_OK);
    for (rlim_t nfree = 0; nfree < 9; nfree++) {
        struct peer peer = {0};
        int lowest = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
        assert_int_equal(close(lowest), 0);
        set_limit((rlim_t)lowest + nfree);
        int32_t status = peer_make(&peer, &rig, params);
        set_limit(before);
        if (status == TRUNK_OK) {
            peer_finish(&peer); /* the last ones are needed for a moment only, or not at all */
            continue;
        }
        assert_int_equal(status, TRUNK_UNAVAILABLE);
        assert_non_null(strstr(peer.make_text, "backend b1: no process could be made, no "
                                               "descriptors are left"));
        assert_true(nfree < 8 || strstr(peer.make_text, strerror(EMFILE)) != NULL);
    }
    assert_int_equal(peer_request(&first, "{}"), TRUNK_OK);
    peer_wait_messages(&first, 1);
    peer_finish(&first);
    rig_close(&rig);
}

static void expect_fault(const char *key, const char *value, const char *other_key) {
    const struct trunk_factory_ops *ops = rig_plugin()->ops;
    struct trunk_param params[] = {{key, value}, {"command", "cat"}};
    struct trunk_error error = {0};
    assert_int_equal(ops->check_backend(params, 2, &error), TRUNK_INVALID);
    assert_int_equal(error.status, TRUNK_INVALID);
    assert_string_equal(error.key, other_key);
    assert_true(error.text[0] != '\0');
}

static void test_a_bad_parameter_is_named(void **state) {
    (void)state;
    expect_fault("command", "", "command");
    expect_fault("cwd", "relative/path", "cwd");
    expect_fault("env.", "x", "env.");
    expect_fault("env.A=B", "x", "env.A=B");
    const struct trunk_factory_ops *ops = rig_plugin()->ops;
    struct trunk_error error = {0};
    struct trunk_param stop_wait = {"stop_wait", "99999999999"};
    assert_int_equal(ops->check(&stop_wait, 1, &error), TRUNK_INVALID);
    assert_string_equal(error.key, "stop_wait");
    assert_int_equal(ops->check(NULL, 0, &error), TRUNK_OK);
}

static void test_the_descriptor_tells_what_the_driver_is(void **state) {
    (void)state;
    const struct trunk_plugin *plugin = rig_plugin();
    assert_int_equal(plugin->magic, TRUNK_MAGIC);
    assert_int_equal(plugin->kind, TRUNK_KIND_FACTORY);
    assert_string_equal(plugin->name, "stdio");
    for (const struct trunk_param_spec *spec = plugin->params; spec->key != NULL; spec++) {
        assert_non_null(spec->help);
        if (strcmp(spec->key, "env") == 0) {
            assert_true(spec->flags & TRUNK_PARAM_SECRET);
        }
    }
    const struct trunk_factory_ops *ops = plugin->ops;
    assert_int_equal(ops->struct_size, sizeof *ops);
    assert_int_equal(ops->caps, 0);
}

int run_spawn_cases(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_bare_command_is_looked_for_in_the_path_of_the_child,
                                        make_directory, remove_directory),
        cmocka_unit_test(test_a_bare_command_is_looked_for_in_our_path_when_none_is_configured),
        cmocka_unit_test(test_arguments_reach_the_program_untouched_by_any_shell),
        cmocka_unit_test(test_an_absent_command_is_named_with_its_backend),
        cmocka_unit_test_setup_teardown(test_a_script_whose_interpreter_is_absent_is_told,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_not_executable_has_a_text_of_its_own,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_a_script_without_a_first_line_is_not_given_to_a_shell,
                                        make_directory, remove_directory),
        cmocka_unit_test(test_a_cwd_that_cannot_be_entered_has_a_text_of_its_own),
        cmocka_unit_test_setup_teardown(test_the_process_runs_in_its_cwd, make_directory,
                                        remove_directory),
        cmocka_unit_test(test_the_environment_is_six_variables_and_the_configured_ones),
        cmocka_unit_test(test_no_descriptor_but_0_1_2_is_inherited),
        cmocka_unit_test(test_a_host_without_stdin_can_start_processes),
        cmocka_unit_test(test_no_signal_is_blocked_or_ignored_in_the_child),
        cmocka_unit_test(test_the_process_leads_a_group_of_its_own),
        cmocka_unit_test(test_no_child_outlives_a_host_that_is_killed),
        cmocka_unit_test(test_a_leg_cannot_go_on_with_an_earlier_process),
        cmocka_unit_test(test_a_host_out_of_memory_leaves_no_process),
        cmocka_unit_test(
            test_the_child_has_the_descriptor_limit_from_before_the_host_raised_its_own),
        cmocka_unit_test(test_a_host_without_descriptors_makes_no_leg_and_keeps_those_it_has),
        cmocka_unit_test(test_a_bad_parameter_is_named),
        cmocka_unit_test(test_the_descriptor_tells_what_the_driver_is),
    };
    return cmocka_run_group_tests_name("stdio: start", tests, rig_load, NULL);
}
