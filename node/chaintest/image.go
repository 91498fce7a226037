package chaintest

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Image is the content of a data directory's files by their path in it. The
// zeros at the end of a file, which logs have room for entries in, are left out.
type Image map[string]ImageFile

// ImageFile is a file of an Image.
type ImageFile struct {
	Content []byte
	Size    int64
}

// ImageOf reads a directory. A file that a database removes meanwhile is none.
func ImageOf(t testing.TB, dir string) Image {
	t.Helper()
	files := Image{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		var raw []byte
		if err == nil && !entry.IsDir() {
			raw, err = os.ReadFile(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		files[name] = ImageFile{bytes.Clone(bytes.TrimRight(raw, "\x00")), int64(len(raw))}
		return nil
	}))
	return files
}

// Lay writes the files into an empty directory.
func (files Image) Lay(t testing.TB, dir string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(dir))
	for name, file := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, file.Content, 0o600))
		require.NoError(t, os.Truncate(path, file.Size))
	}
}

// With returns the files with one that is different.
func (files Image) With(name string, content []byte, size int64) Image {
	changed := Image{}
	for other, file := range files {
		changed[other] = file
	}
	changed[name] = ImageFile{content, size}
	return changed
}

// Names returns the paths, sorted.
func (files Image) Names() []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Equal reports whether two images are the same.
func (files Image) Equal(other Image) bool {
	return maps.EqualFunc(files, other, func(a, b ImageFile) bool { return a.Size == b.Size && bytes.Equal(a.Content, b.Content) })
}
