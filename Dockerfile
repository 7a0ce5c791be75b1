# The image of kamal-proxy, for those who build with Docker:
#
#   docker build --tag kamal-proxy:v0.10.0 .
#
# `bun run image` makes the same image without Docker. Only the last stage is shipped: the executable, the C library
# that it needs, certificate authorities, a user. There is no shell in it.

ARG BUILD_IMAGE=node:22-bookworm-slim
FROM ${BUILD_IMAGE} AS build
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run image -- --root-folder=/image

FROM scratch
COPY --from=build /image/ /
# Owner and mode of a new volume come from this folder; 1001 is the user of kamal-proxy's own image, so an existing
# volume can be read as well.
COPY --from=build --chown=1001:1001 /image/home/kamal-proxy/ /home/kamal-proxy/

# Stays when the container is upgraded in place.
ENV KAMAL_PROXY_IMAGE_VERSION=0.10.0
EXPOSE 80 443 443/udp
USER kamal-proxy:kamal-proxy
# Kamal finds the container by its title.
LABEL org.opencontainers.image.title="kamal-proxy" \
      org.opencontainers.image.version="0.10.0" \
      org.opencontainers.image.description="A drop-in replacement of kamal-proxy, the proxy of Kamal 2, in TypeScript on Bun" \
      org.opencontainers.image.licenses="MIT"
CMD ["kamal-proxy", "run"]
