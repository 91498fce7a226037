package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/landlock-lsm/go-landlock/landlock"
	kernel "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// Files are what a process may open, by path; all else is refused. What is not there
// when the process starts is passed over. The kernel keeps what it finds there, not the
// path: a file that is replaced afterwards is another one, and refused.
type Files struct {
	// All leaves open what the user may open.
	All bool `json:",omitempty"`
	// Read are files, and folders whose files at any depth may be read.
	Read []string `json:",omitempty"`
	// Own are folders in which, at any depth, files and folders may be used in all ways,
	// but no links, sockets or devices made, nor anything moved from one folder to another.
	// What links in such a folder itself lead to is its owner's, too: block files, say,
	// that the user has moved to another disk.
	Own []string `json:",omitempty"`
	// Fill are folders in which, at any depth, files and folders may be made and
	// written, but not read.
	Fill []string `json:",omitempty"`
	// List are folders in which, at any depth, names may be listed.
	List []string `json:",omitempty"`
}

// Rights of Landlock that a way to use a folder needs.
const (
	toRead = kernel.AccessFSReadFile
	toFill = kernel.AccessFSWriteFile | kernel.AccessFSMakeReg | kernel.AccessFSMakeDir
	toList = kernel.AccessFSReadDir
	toEdit = toRead | kernel.AccessFSWriteFile | kernel.AccessFSTruncate
	toOwn  = toRead | toFill | toList | kernel.AccessFSTruncate | kernel.AccessFSRemoveFile | kernel.AccessFSRemoveDir
)

// With returns a profile that may open more files.
func (p Profile) With(more Files) Profile {
	p.files = Files{
		All:  p.files.All || more.All,
		Read: slices.Concat(p.files.Read, more.Read), Own: slices.Concat(p.files.Own, more.Own),
		Fill: slices.Concat(p.files.Fill, more.Fill), List: slices.Concat(p.files.List, more.List),
	}
	return p
}

// String tells of files by their number: where they are is in the settings.
func (f Files) String() string {
	if f.All {
		return ""
	}
	var list []string
	for _, kind := range []struct {
		n    int
		what string
	}{
		{len(f.Read), "to read"}, {len(f.Own), "of its own"}, {len(f.Fill), "to fill"}, {len(f.List), "to list"},
	} {
		if kind.n > 0 {
			list = append(list, fmt.Sprintf("%d %s", kind.n, kind.what))
		}
	}
	if len(list) == 0 {
		return "no files (Landlock)"
	}
	return "files (Landlock): " + strings.Join(list, " and ")
}

// linked are the files and folders that links in folders lead to.
func linked(folders []string) (files, further []string) {
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue // it is passed over
		}
		for _, entry := range entries {
			path := filepath.Join(folder, entry.Name())
			if entry.Type()&fs.ModeSymlink == 0 {
				continue
			}
			switch info, err := os.Stat(path); {
			case err != nil:
			case info.IsDir():
				further = append(further, path)
			default:
				files = append(files, path)
			}
		}
	}
	return files, further
}

func (f Files) rules() (rules []landlock.Rule) {
	files, folders := linked(f.Own)
	for _, kind := range []struct {
		rights landlock.AccessFSSet
		paths  []string
	}{{toRead, f.Read}, {toEdit, files}, {toOwn, slices.Concat(f.Own, folders)}, {toFill, f.Fill}, {toList, f.List}} {
		rules = append(rules, landlock.PathAccess(kind.rights, kind.paths...).IgnoreIfMissing())
	}
	return rules
}

// closeFiles leaves the profile's files to be opened, and no others.
func (p Profile) closeFiles() (string, error) {
	if p.files.All {
		return "", nil
	}
	if err := atLeast(filesABI); err != nil {
		return "", fmt.Errorf("files: %w", err)
	}
	rules := p.files.rules()
	for _, path := range p.unix {
		// The folder, too: the proxy may make the socket anew.
		rules = append(rules, landlock.PathAccess(0, filepath.Dir(path)).WithResolveUnix().IgnoreIfMissing())
	}
	if err := landlock.V9.BestEffort().RestrictPaths(rules...); err != nil {
		return "", fmt.Errorf("files: %w", err)
	}
	return p.files.String(), nil
}
