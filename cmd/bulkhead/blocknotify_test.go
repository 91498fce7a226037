package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The user's command is run for every block, with its hash, and one that hangs keeps the
// node from nothing.
func TestACommandIsRunForEveryBlock(t *testing.T) {
	dir := t.TempDir()
	n := startNode(t, "regtest", "-noconnect", "-disablewallet", "-blocknotify=echo > "+filepath.Join(dir, "%s")+"; echo $$ > "+filepath.Join(dir, "pid")+"; sleep 1000; true")
	n.mine(1) // ends the initial download
	blocks := n.must("generatetoaddress", 10, someAddress).([]any)
	names := map[string]bool{}
	pid := ""
	n.eventually("the commands", func() error {
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			names[e.Name()] = true
			if e.Name() == "pid" {
				raw, _ := os.ReadFile(filepath.Join(dir, "pid"))
				pid = strings.TrimSpace(string(raw))
			}
		}
		if err == nil && (len(names) < 11 || pid == "") {
			err = fmt.Errorf("%d were run", len(names))
		}
		return err
	})
	for _, hash := range blocks {
		require.Contains(t, names, hash)
	}
	group, err := strconv.Atoi(pid)
	require.NoError(t, err)
	n.stop()
	eventually(t, "the end of what it has started", func() error {
		if alive := membersOf(group); len(alive) > 0 {
			return fmt.Errorf("%v live on", alive)
		}
		return nil
	})
}

// membersOf returns the processes of a group that have not ended: who took them over
// may not have noticed that yet.
func membersOf(group int) (alive []string) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it ends just now
		}
		// pid (name) state ppid pgrp ...
		fields := strings.Fields(string(raw[strings.LastIndex(string(raw), ")")+1:]))
		if fields[0] != "Z" && fields[2] == strconv.Itoa(group) {
			alive = append(alive, path)
		}
	}
	return alive
}

// Of a warning the user's command gets the text, as one word, once.
func TestACommandIsRunForAWarning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "alerts")
	n := startNode(t, "regtest", "-noconnect", "-disablewallet", "-alertnotify=echo %s >> "+file)
	blocks := n.must("generatetoaddress", 10, someAddress).([]any)
	n.must("invalidateblock", blocks[1])
	const text = "Warning: Found invalid chain more than 6 blocks longer than our best chain."
	n.eventually("the alert", func() error {
		raw, err := os.ReadFile(file)
		if err == nil && !strings.Contains(string(raw), text) {
			err = fmt.Errorf("the file has %q", raw)
		}
		return err
	})
	require.Contains(t, n.object("getnetworkinfo")["warnings"].([]any)[0], text)
	n.must("reconsiderblock", blocks[1])
	require.Empty(t, n.object("getnetworkinfo")["warnings"])
	n.stop()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(raw), text))
}
