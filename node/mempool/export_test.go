package mempool

// Shrink evicts until the pool takes no more than some bytes.
func (p *Pool) Shrink(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := p.cfg.MaxBytes
	p.cfg.MaxBytes = bytes
	p.trim(nil)
	p.cfg.MaxBytes = limit
}
