package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
)

// binaries are the programs of the builds that the machine can make.
type binaries map[string]string

// buildAll makes what the chosen systems need. Without the library, or without
// a path to bitcoind, their builds are missing from the result.
func buildAll(ctx context.Context, c config, dir string, progress io.Writer) (binaries, error) {
	const node = "github.com/bulkheadnode/bulkhead/cmd/bulkhead"
	recipes := map[string][]string{
		pureGo:      {node},
		withLibrary: {"-tags", withLibrary, node},
		btcd:        {"github.com/btcsuite/btcd"},
	}
	if err := exec.CommandContext(ctx, "pkg-config", "--exists", "libsecp256k1").Run(); err != nil {
		delete(recipes, withLibrary)
	}
	root, err := rootModule(ctx)
	if err != nil {
		return nil, err
	}
	made := binaries{}
	for _, s := range systems() {
		if !c.wants(s) || made[s.build] != "" {
			continue
		}
		if s.build == bitcoind && c.bitcoind != "" {
			made[bitcoind] = c.bitcoind
		}
		recipe, known := recipes[s.build]
		if !known {
			continue
		}
		fmt.Fprintf(progress, "building %s\n", s.build)
		path := filepath.Join(dir, s.build)
		build := exec.CommandContext(ctx, "go", append([]string{"build", "-o", path}, recipe...)...)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building %s: %w\n%s", s.build, err, out)
		}
		made[s.build] = path
	}
	return made, nil
}

// rootModule is the folder of the module that bulkhead is built in, and btcd,
// which is a tool of it.
func rootModule(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/bulkheadnode/bulkhead").Output()
	if err != nil {
		return "", fmt.Errorf("finding bulkhead's module (run the program in the folder bench): %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// chosen are the systems to measure, in order.
func (c config) chosen(b binaries) []system {
	var list []system
	for _, s := range systems() {
		if b[s.build] != "" && c.wants(s) {
			list = append(list, s)
		}
	}
	return list
}

// wants leaves out systems that verify no scripts where these are what a chain
// is about, and btcd where mempools are.
func (c config) wants(s system) bool {
	return c.run.MatchString(s.name()) && !(s.assumed && (c.kinds || c.mempool)) && !(s.build == btcd && c.mempool)
}
